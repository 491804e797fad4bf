//! Encoding a [`Value`].

use super::write;
use crate::Value;

/// The one encoding of a value.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    encode_into(value, &mut out);
    out
}

/// Appends the encoding of a value.
pub fn encode_into(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => write::null(out),
        Value::Bool(bool) => write::bool(out, *bool),
        Value::Int(int) => write::int(out, *int),
        Value::String(text) => write::text(out, text),
        Value::Bytes(bytes) => write::bytes(out, bytes),
        Value::Link(cid) => write::cid(out, cid),
        Value::Array(items) => {
            write::array(out, items.len());
            for item in items {
                encode_into(item, out);
            }
        }
        Value::Object(map) => {
            write::map(out, map.len());
            for (key, value) in map.iter() {
                write::text(out, key);
                encode_into(value, out);
            }
        }
    }
}
