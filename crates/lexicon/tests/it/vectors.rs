//! The interoperability vectors for lexicons, read from the directory that `CAIRN_VECTORS` names.

use std::path::PathBuf;

use cairn_lexicon::{Budget, LexiconDoc, Lexicons, Outcome, Primary, RecordKeyType};
use cairn_model::{Limits, Nsid, RecordKey, json};
use serde_json::Value as Json;

fn directory() -> Option<PathBuf> {
    let Some(dir) = std::env::var_os("CAIRN_VECTORS") else {
        eprintln!("CAIRN_VECTORS is not set: lexicon vectors are skipped");
        return None;
    };
    Some(PathBuf::from(dir).join("lexicon"))
}

fn cases(name: &str) -> Vec<Json> {
    let Some(dir) = directory() else { return Vec::new() };
    let text = std::fs::read(dir.join(name)).expect("the vectors are complete");
    serde_json::from_slice(&text).expect("a list of cases")
}

fn catalog() -> Vec<LexiconDoc> {
    let Some(dir) = directory() else { return Vec::new() };
    let files = std::fs::read_dir(dir.join("catalog")).expect("the vectors are complete");
    let texts = files.map(|file| std::fs::read(file.expect("entry").path()).expect("file"));
    texts.map(|text| LexiconDoc::from_slice(&text).expect("a valid document")).collect()
}

#[test]
fn valid_documents_are_read() {
    for case in cases("lexicon-valid.json") {
        let read = LexiconDoc::from_json(case["lexicon"].clone());
        assert!(read.is_ok(), "{}: {read:?}", case["name"]);
    }
}

#[test]
fn invalid_documents_are_refused() {
    for case in cases("lexicon-invalid.json") {
        let read = LexiconDoc::from_json(case["lexicon"].clone());
        assert!(read.is_err(), "{}", case["name"]);
    }
}

#[test]
fn the_catalog_declares_each_kind_once() {
    for document in catalog() {
        match (document.id.name(), document.primary.expect("a primary definition")) {
            ("record", Primary::Record { key }) => {
                assert_eq!(key, RecordKeyType::Literal("demo".into()));
            }
            ("permissionset", Primary::PermissionSet(set)) => {
                assert_eq!(set.title_lang["fr"], "Example for Modération");
                assert_eq!(set.permissions.len(), 6);
                assert_eq!(set.permissions[3].resource, "rpc");
                assert_eq!(set.permissions[3].fields["aud"], "*");
            }
            ("query", Primary::Query)
            | ("procedure", Primary::Procedure)
            | ("subscription", Primary::Subscription) => {}
            (name, primary) => panic!("{name}: {primary:?}"),
        }
    }
}

/// Whether a case is refused, by the data model or by its lexicon, and why.
fn check(lexicons: &Lexicons, case: &Json) -> Result<Outcome, String> {
    let text = serde_json::to_vec(&case["data"]).expect("printable");
    let record = json::from_slice(&text, &Limits::RECORD).map_err(|error| error.to_string())?;
    let collection = Nsid::parse(case["data"]["$type"].as_str().expect("$type")).expect("nsid");
    let rkey = RecordKey::parse(case["rkey"].as_str().expect("rkey")).expect("record key");
    lexicons
        .validate_record(&collection, &rkey, &record, &Budget::trusted())
        .map_err(|error| error.to_string())
}

#[test]
fn valid_records_pass() {
    let lexicons = Lexicons::from_documents(catalog());
    for case in cases("record-data-valid.json") {
        assert_eq!(check(&lexicons, &case), Ok(Outcome::Valid), "{}", case["name"]);
    }
}

#[test]
fn invalid_records_fail_for_their_own_reason() {
    let lexicons = Lexicons::from_documents(catalog());
    for mut case in cases("record-data-invalid.json") {
        let first = check(&lexicons, &case);
        assert!(first.is_err(), "{}", case["name"]);
        if case["name"] == "missing required field" {
            continue;
        }
        // Some cases lack the one required property too; with it they must fail all the same.
        let data = case["data"].as_object_mut().expect("object");
        data.entry("integer").or_insert(Json::from(1));
        let message = check(&lexicons, &case).expect_err("invalid");
        println!("{}: {message}", case["name"]);
    }
}
