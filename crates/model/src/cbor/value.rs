//! Decoding into a [`Value`].

use super::{
    CborError, Reader,
    reader::{Item, check_key_length, enter},
};
use crate::{Limits, Map, Value};

/// The value of an encoding; the whole input is one item.
///
/// # Errors
/// If the bytes are not strict DAG-CBOR, or break a limit.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Value, CborError> {
    let mut reader = Reader::new(bytes);
    let value = value(&mut reader, limits, limits.depth.min(Limits::MAX_DEPTH))?;
    reader.end()?;
    Ok(value)
}

fn value(reader: &mut Reader<'_>, limits: &Limits, levels: usize) -> Result<Value, CborError> {
    // What a length claims is only allocated in advance up to here: the items themselves may be missing.
    const RESERVE: usize = 64;
    Ok(match reader.item()? {
        Item::Uint(int) | Item::Negative(int) => Value::Int(int),
        Item::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        Item::Text(text) => Value::String(text.to_owned()),
        Item::Link(cid) => Value::Link(cid),
        Item::Bool(bool) => Value::Bool(bool),
        Item::Null => Value::Null,
        Item::Array(len) => {
            let levels = enter(levels, len, limits)?;
            let mut items = Vec::with_capacity(len.min(RESERVE));
            for _ in 0..len {
                items.push(value(reader, limits, levels)?);
            }
            Value::Array(items)
        }
        Item::Map(len) => {
            let levels = enter(levels, len, limits)?;
            let mut fields = Vec::with_capacity(len.min(RESERVE));
            let mut previous = None;
            for _ in 0..len {
                let key = reader.key(previous)?;
                check_key_length(key, limits)?;
                fields.push((key.to_owned(), value(reader, limits, levels)?));
                previous = Some(key);
            }
            Value::Object(Map::from_sorted(fields))
        }
    })
}
