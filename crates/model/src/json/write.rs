//! Printing a [`Value`] as JSON.

use data_encoding::BASE64_NOPAD;

use crate::{Cid, Value};

/// The JSON text of a value.
#[must_use]
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// Appends the JSON text of a value.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(int) => write_int(*int, out),
        Value::String(text) => write_string(text, out),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::Link(cid) => write_link(cid, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            out.push(b'{');
            for (i, (key, value)) in map.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
    }
}

/// The value as `serde_json` holds it.
#[must_use]
pub fn to_serde(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => Json::from(*int),
        Value::String(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => wrapper("$bytes", BASE64_NOPAD.encode(bytes)),
        Value::Link(cid) => wrapper("$link", cid.to_string()),
        Value::Array(items) => Json::Array(items.iter().map(to_serde).collect()),
        Value::Object(map) => {
            Json::Object(map.iter().map(|(key, value)| (key.to_owned(), to_serde(value))).collect())
        }
    }
}

fn wrapper(key: &str, text: String) -> serde_json::Value {
    serde_json::Value::Object(
        [(key.to_owned(), serde_json::Value::String(text))].into_iter().collect(),
    )
}

pub(crate) fn write_int(int: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = int.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

pub(crate) fn write_link(cid: &Cid, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$link\":\"");
    out.extend_from_slice(&cid.to_ascii());
    out.extend_from_slice(b"\"}");
}

pub(crate) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$bytes\":\"");
    let start = out.len();
    out.resize(start + BASE64_NOPAD.encode_len(bytes.len()), 0);
    BASE64_NOPAD.encode_mut(bytes, &mut out[start..]);
    out.extend_from_slice(b"\"}");
}

/// Appends a string with its quotes. Only quotes, backslashes and control characters are escaped.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = find_escape(rest) {
        out.extend_from_slice(&rest[..at]);
        write_escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Where the first byte stands that JSON cannot hold as it is. Whole blocks are tested at once, which the compiler
/// turns into vector instructions.
fn find_escape(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 16;
    let clean = bytes
        .chunks_exact(BLOCK)
        .take_while(|block| !block.iter().fold(false, |any, byte| any | needs_escape(*byte)))
        .count()
        * BLOCK;
    bytes[clean..].iter().position(|byte| needs_escape(*byte)).map(|at| clean + at)
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
