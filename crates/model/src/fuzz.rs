//! Bodies of the fuzz targets: they panic if a promise of the crate is broken. Property tests call them too.

use crate::{Limits, Value, cbor, json};

/// What decodes encodes to the same bytes, every reader agrees on what is valid, and both ways to JSON agree.
///
/// # Panics
/// If a promise is broken.
pub fn cbor(data: &[u8]) {
    let decoded = cbor::decode(data, &Limits::RECORD);
    let mut reader = cbor::Reader::new(data);
    let skipped = reader.skip(&Limits::RECORD).and_then(|bytes| reader.end().map(|()| bytes));
    assert_eq!(skipped.is_ok(), decoded.is_ok(), "skipping and decoding disagree");
    let mut text = Vec::new();
    let transcoded = cbor::write_json(data, &mut text);
    let Ok(value) = decoded else {
        return;
    };
    assert_eq!(skipped, Ok(data));
    assert_eq!(cbor::encode(&value), data, "an encoding is not unique");
    assert_eq!(transcoded, Ok(()));
    assert_eq!(text, json::to_vec(&value), "both ways to json disagree");
    serde_json::from_slice::<serde::de::IgnoredAny>(&text).expect("the printed text is json");
}

/// What is read from JSON prints and reads back as the same value, through CBOR too.
///
/// # Panics
/// If a promise is broken.
pub fn json(data: &[u8]) {
    let Ok(value) = json::from_slice(data, &Limits::RECORD) else {
        return;
    };
    round_trip(&value);
}

/// Sends a value that JSON can hold through all forms and back.
///
/// # Panics
/// If a promise is broken.
pub fn round_trip(value: &Value) {
    let text = json::to_vec(value);
    assert_eq!(&json::from_slice(&text, &Limits::RECORD).expect("printed json is readable"), value);
    let parsed = json::from_serde(json::to_serde(value), &Limits::RECORD);
    assert_eq!(&parsed.expect("a json tree is readable"), value);
    let encoded = cbor::encode(value);
    assert_eq!(&cbor::decode(&encoded, &Limits::RECORD).expect("an encoding is readable"), value);
    cbor(&encoded);
}
