//! The interoperability vectors for syntax and the data model, read from the directory that `CAIRN_VECTORS` names.

use std::path::PathBuf;

use cairn_model::{
    AtIdentifier, AtUri, Cid, Datetime, Did, Handle, Language, Limits, Nsid, RecordKey,
    SyntaxError, Tid, Value, cbor, is_cid_syntax, is_tid_syntax, is_uri_syntax, json,
};

fn vectors(name: &str) -> Option<String> {
    let Some(dir) = std::env::var_os("CAIRN_VECTORS") else {
        eprintln!("CAIRN_VECTORS is not set: {name} is skipped");
        return None;
    };
    let path = PathBuf::from(dir).join(name);
    Some(
        std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    )
}

/// Lines are cases as they stand, with the white space around them; empty ones and comments are not.
fn check_lines(name: &str, expected: bool, accepts: impl Fn(&str) -> bool) {
    let Some(text) = vectors(&format!("syntax/{name}.txt")) else {
        return;
    };
    let cases: Vec<&str> =
        text.split('\n').filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
    assert!(cases.len() > 2, "{name} has no cases");
    for case in cases {
        if case.starts_with('#') && !name.contains("invalid") {
            continue;
        }
        assert_eq!(accepts(case), expected, "{name}: {case:?}");
    }
}

fn check_both(name: &str, accepts: impl Fn(&str) -> bool) {
    check_lines(&format!("{name}_syntax_valid"), true, &accepts);
    check_lines(&format!("{name}_syntax_invalid"), false, &accepts);
}

/// The check and the parser agree, and what is parsed prints as it was, but for a handle's case.
fn accepts<T: std::fmt::Display>(
    check: impl Fn(&str) -> Result<(), SyntaxError>,
    parse: impl Fn(&str) -> Result<T, SyntaxError>,
) -> impl Fn(&str) -> bool {
    move |text| {
        let parsed = parse(text);
        assert_eq!(check(text).is_ok(), parsed.is_ok(), "{text:?}");
        if let Ok(parsed) = &parsed {
            assert!(parsed.to_string().eq_ignore_ascii_case(text), "{text:?}");
            assert!(parse(&parsed.to_string()).is_ok(), "{text:?}");
        }
        parsed.is_ok()
    }
}

#[test]
fn dids() {
    check_both("did", accepts(Did::check, Did::parse));
}

#[test]
fn handles() {
    check_both("handle", accepts(Handle::check, Handle::parse));
}

#[test]
fn at_identifiers() {
    check_both("atidentifier", accepts(AtIdentifier::check, AtIdentifier::parse));
}

#[test]
fn nsids() {
    check_both("nsid", accepts(Nsid::check, Nsid::parse));
}

#[test]
fn record_keys() {
    check_both("recordkey", accepts(RecordKey::check, RecordKey::parse));
}

#[test]
fn at_uris() {
    check_both("aturi", accepts(AtUri::check, AtUri::parse));
}

#[test]
fn tids() {
    check_both("tid", is_tid_syntax);
    check_both("tid", |text| Tid::parse(text).is_ok_and(|tid| tid.to_string() == text));
}

#[test]
fn datetimes() {
    check_both("datetime", accepts(Datetime::check, Datetime::parse));
    check_lines("datetime_parse_invalid", false, accepts(Datetime::check, Datetime::parse));
}

#[test]
fn valid_datetimes_of_this_era_are_instants() {
    check_lines("datetime_syntax_valid", true, |text| {
        Datetime::parse(text).is_ok_and(|d| d.timestamp().is_some())
    });
}

#[test]
fn languages() {
    check_both("language", accepts(Language::check, Language::parse));
    check_lines("language_parse_invalid", false, accepts(Language::check, Language::parse));
}

#[test]
fn uris() {
    check_both("uri", is_uri_syntax);
}

#[test]
fn cids() {
    check_both("cid", is_cid_syntax);
}

fn cases(name: &str) -> Vec<serde_json::Value> {
    let Some(text) = vectors(&format!("data-model/{name}.json")) else {
        return Vec::new();
    };
    serde_json::from_str(&text).expect("a list of cases")
}

/// Both ways of reading JSON, which must agree; records are objects.
fn read(json: &serde_json::Value) -> Option<Value> {
    let text = serde_json::to_vec(json).expect("printable");
    let from_text = json::from_slice(&text, &Limits::RECORD);
    let from_tree = json::from_serde(json.clone(), &Limits::RECORD);
    assert_eq!(from_text.as_ref().ok(), from_tree.as_ref().ok(), "{json}");
    from_text.ok().filter(|value| value.as_object().is_some())
}

#[test]
fn fixtures_have_the_cbor_and_cid_that_everyone_computes() {
    for case in cases("data-model-fixtures") {
        let value = read(&case["json"]).expect("valid");
        let expected = case["cbor_base64"].as_str().expect("base64");
        let expected = data_encoding::BASE64_NOPAD.decode(expected.as_bytes()).expect("base64");
        assert_eq!(cbor::encode(&value), expected);
        assert_eq!(cbor::decode(&expected, &Limits::RECORD).expect("decodes"), value);
        assert_eq!(Cid::cbor_of(&expected).to_string(), case["cid"].as_str().expect("cid"));
        assert_eq!(json::to_serde(&value), case["json"]);
        cairn_model::fuzz::round_trip(&value);
    }
}

#[test]
fn valid_records_are_read() {
    for case in cases("data-model-valid") {
        let value = read(&case["json"]).unwrap_or_else(|| panic!("{}", case["note"]));
        cairn_model::fuzz::round_trip(&value);
    }
}

#[test]
fn invalid_records_are_refused() {
    for case in cases("data-model-invalid") {
        assert_eq!(read(&case["json"]), None, "{}", case["note"]);
    }
}
