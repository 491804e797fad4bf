//! From DAG-CBOR straight to JSON text, without a tree in between: this is how stored records are served.

use super::{
    CborError, Reader,
    reader::{Item, enter},
};
use crate::{
    Limits,
    json::{write_bytes, write_int, write_link, write_string},
};

/// Stored records have passed the limits of their day, so that only what protects the stack is checked.
const LIMITS: Limits =
    Limits { depth: Limits::MAX_DEPTH, container: usize::MAX, key_bytes: usize::MAX };

/// Appends the JSON text of an encoded value: the same that [`crate::json::write`] gives for the decoded one.
///
/// # Errors
/// If the bytes are not strict DAG-CBOR; `out` then holds a part of the text.
pub fn write_json(cbor: &[u8], out: &mut Vec<u8>) -> Result<(), CborError> {
    out.reserve(cbor.len() + cbor.len() / 4);
    let mut reader = Reader::new(cbor);
    item(&mut reader, out, LIMITS.depth)?;
    reader.end()
}

fn item(reader: &mut Reader<'_>, out: &mut Vec<u8>, levels: usize) -> Result<(), CborError> {
    match reader.item()? {
        Item::Uint(int) | Item::Negative(int) => write_int(int, out),
        Item::Bytes(bytes) => write_bytes(bytes, out),
        Item::Text(text) => write_string(text, out),
        Item::Link(cid) => write_link(&cid, out),
        Item::Bool(true) => out.extend_from_slice(b"true"),
        Item::Bool(false) => out.extend_from_slice(b"false"),
        Item::Null => out.extend_from_slice(b"null"),
        Item::Array(len) => {
            let levels = enter(levels, len, &LIMITS)?;
            out.push(b'[');
            for i in 0..len {
                if i > 0 {
                    out.push(b',');
                }
                item(reader, out, levels)?;
            }
            out.push(b']');
        }
        Item::Map(len) => {
            let levels = enter(levels, len, &LIMITS)?;
            out.push(b'{');
            let mut previous = None;
            for i in 0..len {
                if i > 0 {
                    out.push(b',');
                }
                let key = reader.key(previous)?;
                write_string(key, out);
                out.push(b':');
                item(reader, out, levels)?;
                previous = Some(key);
            }
            out.push(b'}');
        }
    }
    Ok(())
}
