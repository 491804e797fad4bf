//! What the readers refuse, one rule at a time, and the bounds they keep.

use cairn_model::cbor::{self, CborError};
use cairn_model::json::{self, JsonError};
use cairn_model::{Cid, CidError, Limits, Map, Value};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).expect("hex")
}

fn decode(text: &str) -> Result<Value, CborError> {
    let data = hex(text);
    cairn_model::fuzz::cbor(&data);
    cbor::decode(&data, &Limits::RECORD)
}

#[test]
fn one_encoding_of_each_integer_is_read() {
    assert_eq!(decode("17"), Ok(Value::Int(23)));
    assert_eq!(decode("1818"), Ok(Value::Int(24)));
    assert_eq!(decode("20"), Ok(Value::Int(-1)));
    assert_eq!(decode("1b 7fffffffffffffff"), Ok(Value::Int(i64::MAX)));
    assert_eq!(decode("3b 7fffffffffffffff"), Ok(Value::Int(i64::MIN)));
    for long in [
        "1817",
        "1900ff",
        "1a0000ffff",
        "1b00000000ffffffff",
        "3800",
        "5801 00",
        "7801 61",
        "9800",
        "b800",
    ] {
        assert_eq!(decode(long), Err(CborError::NonMinimal), "{long}");
    }
    for wide in ["1b 8000000000000000", "1b ffffffffffffffff", "3b 8000000000000000"] {
        assert_eq!(decode(wide), Err(CborError::IntegerRange), "{wide}");
    }
}

#[test]
fn items_beyond_the_data_model_are_refused() {
    for float in ["f90000", "fa00000000", "fb0000000000000000", "fb7ff8000000000000", "f97e00"] {
        assert_eq!(decode(float), Err(CborError::Float), "{float}");
    }
    for simple in ["f7", "f0", "f820", "fc", "1c", "7d"] {
        assert_eq!(decode(simple), Err(CborError::Simple), "{simple}");
    }
    for indefinite in ["5f4100ff", "7f6161ff", "9fff", "bfff", "ff", "3f"] {
        assert_eq!(decode(indefinite), Err(CborError::Indefinite), "{indefinite}");
    }
    assert_eq!(decode("c0 6161"), Err(CborError::Tag(0)));
    assert_eq!(decode("d82b 4100"), Err(CborError::Tag(43)));
    assert_eq!(decode("62 c328"), Err(CborError::Utf8));
}

#[test]
fn ends_are_exact() {
    assert_eq!(decode(""), Err(CborError::UnexpectedEnd));
    assert_eq!(decode("00 00"), Err(CborError::TrailingBytes));
    for cut in ["18", "1b 00", "42 00", "62 61", "81", "a1 6161", "d82a"] {
        assert_eq!(decode(cut), Err(CborError::UnexpectedEnd), "{cut}");
    }
    // Lengths that no input can have are refused before anything is allocated for them.
    for claim in
        ["9b 0000ffffffffffff", "bb 0000ffffffffffff", "5b ffffffffffffffff", "9a ffffffff"]
    {
        assert_eq!(decode(claim), Err(CborError::UnexpectedEnd), "{claim}");
    }
}

#[test]
fn keys_are_text_in_order() {
    assert!(decode("a2 6162 00 626161 01").is_ok());
    assert_eq!(decode("a2 626161 00 6162 01"), Err(CborError::KeyOrder));
    assert_eq!(decode("a2 6162 00 6161 01"), Err(CborError::KeyOrder));
    assert_eq!(decode("a2 6161 00 6161 01"), Err(CborError::KeyOrder));
    assert_eq!(decode("a1 00 00"), Err(CborError::KeyType));
    assert_eq!(decode("a1 60 00"), Err(CborError::EmptyKey));
}

#[test]
fn links_are_blessed_cids() {
    let digest = "00".repeat(32);
    assert!(decode(&format!("d82a 5825 00 01711220 {digest}")).is_ok());
    assert!(decode(&format!("d82a 5825 00 01551220 {digest}")).is_ok());
    let refused = [
        (format!("d82a 5825 01 01711220 {digest}"), CborError::LinkForm),
        (format!("d82a 5824 01711220 {digest}"), CborError::LinkForm),
        (format!("d82a 5825 00 02711220 {digest}"), CborError::Link(CidError::Prefix)),
        (format!("d82a 5825 00 01701220 {digest}"), CborError::Link(CidError::Codec)),
        (format!("d82a 5825 00 01711320 {digest}"), CborError::Link(CidError::Prefix)),
        (format!("d82a 5826 00 01711220 {digest} 00"), CborError::Link(CidError::Length)),
        (format!("d82a 5823 00 1220 {digest}"), CborError::Link(CidError::Length)),
        (format!("d82a 590025 00 01711220 {digest}"), CborError::NonMinimal),
        ("d82a 6161".to_owned(), CborError::LinkForm),
        ("d82a 40".to_owned(), CborError::LinkForm),
        (format!("d9002a 5825 00 01711220 {digest}"), CborError::NonMinimal),
    ];
    for (text, error) in refused {
        assert_eq!(decode(&text), Err(error), "{text}");
    }
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(Value::Array(Vec::new()), |inner, _| Value::Array(vec![inner]))
}

#[test]
fn depth_is_bounded_in_every_reader() {
    let fits = nested(32);
    cairn_model::fuzz::round_trip(&fits);
    let deep = nested(33);
    let encoded = cbor::encode(&deep);
    let too_deep = CborError::TooDeep { max: 32 };
    assert_eq!(cbor::decode(&encoded, &Limits::RECORD), Err(too_deep));
    assert_eq!(cbor::Reader::new(&encoded).skip(&Limits::RECORD), Err(too_deep));
    let text = json::to_vec(&deep);
    assert!(matches!(
        json::from_slice(&text, &Limits::RECORD),
        Err(JsonError::TooDeep { max: 32 })
    ));
    assert!(matches!(
        json::from_serde(json::to_serde(&deep), &Limits::RECORD),
        Err(JsonError::TooDeep { max: 32 })
    ));

    // A link is an object in JSON, but no container.
    let mut linked = Value::Link(Cid::raw_of(b"x"));
    for _ in 0..32 {
        linked = Value::Array(vec![linked]);
    }
    cairn_model::fuzz::round_trip(&linked);

    let endless = Limits { depth: usize::MAX, ..Limits::RECORD };
    assert!(cbor::decode(&[0x81; 100_000], &endless).is_err());
    assert!(cbor::write_json(&[0x81; 100_000], &mut Vec::new()).is_err());
    assert!(cbor::Reader::new(&[0x81; 100_000]).skip(&endless).is_err());
    assert!(json::from_slice(&[b'['; 100_000], &endless).is_err());
    assert!(json::from_slice("{\"a\":".repeat(100_000).as_bytes(), &endless).is_err());
}

#[test]
fn containers_and_keys_are_bounded() {
    let limits = Limits { depth: 4, container: 2, key_bytes: 3 };
    let list = Value::Array(vec![Value::Null; 3]);
    let long_key = Value::Object(Map::from_iter([("abcd", 1)]));
    assert_eq!(
        cbor::decode(&cbor::encode(&list), &limits),
        Err(CborError::ContainerTooLarge { max: 2 })
    );
    assert_eq!(
        cbor::decode(&cbor::encode(&long_key), &limits),
        Err(CborError::KeyTooLong { max: 3 })
    );
    let json = |value| json::from_slice(&json::to_vec(value), &limits);
    assert!(matches!(json(&list), Err(JsonError::ContainerTooLarge { max: 2 })));
    assert!(matches!(json(&long_key), Err(JsonError::KeyTooLong { max: 3 })));
    let object = Value::Object(Map::from_iter([("a", 1), ("b", 2), ("c", 3)]));
    assert!(matches!(json(&object), Err(JsonError::ContainerTooLarge { max: 2 })));
}

fn read(text: &str) -> Result<Value, JsonError> {
    cairn_model::fuzz::json(text.as_bytes());
    json::from_slice(text.as_bytes(), &Limits::RECORD)
}

#[test]
fn json_numbers_are_integers() {
    for (text, int) in [
        ("123.0", 123),
        ("-0.0", 0),
        ("1e2", 100),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(read(text).expect(text), Value::Int(int));
    }
    assert!(matches!(read("0.5"), Err(JsonError::Float)));
    assert!(matches!(read("[1e-3]"), Err(JsonError::Float)));
    for text in ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e30"] {
        assert!(matches!(read(text), Err(JsonError::IntegerRange)), "{text}");
    }
    assert!(matches!(read("1e400"), Err(JsonError::Syntax(_))));
}

#[test]
fn json_objects_mean_one_thing() {
    assert!(matches!(read(r#"{"a":1,"a":1}"#), Err(JsonError::DuplicateKey)));
    assert!(matches!(read(r#"{"":1}"#), Err(JsonError::EmptyKey)));
    assert!(matches!(read(r#"{"$bytes":"a"}"#), Err(JsonError::Bytes)));
    assert!(matches!(read(r#"{"$bytes":"YQ="}"#), Err(JsonError::Bytes)));
    assert!(matches!(read(r#"{"$bytes":"_-8"}"#), Err(JsonError::Bytes)));
    assert_eq!(read(r#"{"$bytes":"YQ=="}"#).expect("padded"), Value::Bytes(b"a".to_vec()));
    assert_eq!(read(r#"{"$bytes":"123"}"#).expect("loose bits"), Value::Bytes(vec![0xd7, 0x6d]));
    assert_eq!(read(r#"{"$bytes":""}"#).expect("empty"), Value::Bytes(Vec::new()));
    // Unknown keys with a dollar sign are data.
    assert!(read(r#"{"$other":1}"#).is_ok());
    assert!(matches!(read("{} x"), Err(JsonError::Syntax(_))));
    assert!(matches!(read("\"\u{1}\""), Err(JsonError::Syntax(_))));
    assert!(matches!(json::from_slice(b"\"\xff\"", &Limits::RECORD), Err(JsonError::Syntax(_))));
    assert!(matches!(read(r#""\ud800""#), Err(JsonError::Syntax(_))));
}

#[test]
fn json_is_printed_with_the_fewest_escapes() {
    let text = "\0\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/ \u{7f}\u{2028}é😀";
    let expected = "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/ \u{7f}\u{2028}é😀\"";
    assert_eq!(String::from_utf8(json::to_vec(&Value::from(text))).expect("utf-8"), expected);
    assert_eq!(json::to_vec(&Value::Int(i64::MIN)), b"-9223372036854775808");
    assert_eq!(json::to_vec(&Value::Int(0)), b"0");
    let long = format!("{}\"{}", "a".repeat(37), "b".repeat(50));
    assert_eq!(json::to_vec(&Value::from(long.as_str())), serde_json::to_vec(&long).expect("json"));
}
