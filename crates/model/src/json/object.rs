//! What an object of JSON means: a plain object, a link, bytes or a blob.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};

use super::JsonError;
use crate::{
    Cid, Limits, Map, Value,
    blob::{self, BlobFields},
};

/// Standard base64 without padding, whose unused last bits may have any value, as the interop vectors have it.
static LOOSE_BASE64: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    spec.check_trailing_bits = false;
    spec.encoding().expect("the alphabet has 64 distinct symbols")
});

/// Collects the fields of an object as they are read.
pub(super) struct Fields {
    fields: Vec<(String, Value)>,
    /// Whether a key begins with `$`, so that the object may mean something.
    marked: bool,
}

impl Fields {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { fields: Vec::with_capacity(capacity), marked: false }
    }

    pub(super) fn check_key(key: &str, limits: &Limits) -> Result<(), JsonError> {
        if key.is_empty() {
            return Err(JsonError::EmptyKey);
        }
        if key.len() > limits.key_bytes {
            return Err(JsonError::KeyTooLong { max: limits.key_bytes });
        }
        Ok(())
    }

    pub(super) fn push(
        &mut self,
        key: String,
        value: Value,
        limits: &Limits,
    ) -> Result<(), JsonError> {
        if self.fields.len() >= limits.container {
            return Err(JsonError::ContainerTooLarge { max: limits.container });
        }
        self.marked |= key.starts_with('$');
        self.fields.push((key, value));
        Ok(())
    }

    /// The value that the object stands for.
    pub(super) fn finish(self) -> Result<Value, JsonError> {
        if !self.marked {
            return Map::from_unsorted(self.fields)
                .map(Value::Object)
                .ok_or(JsonError::DuplicateKey);
        }
        let map = Map::from_unsorted(self.fields).ok_or(JsonError::DuplicateKey)?;
        if let Some(link) = map.get("$link") {
            let text = link.as_str().filter(|_| map.len() == 1).ok_or(JsonError::Link)?;
            return Cid::parse(text).map(Value::Link).map_err(|_| JsonError::Link);
        }
        if let Some(bytes) = map.get("$bytes") {
            let text = bytes.as_str().filter(|_| map.len() == 1).ok_or(JsonError::Bytes)?;
            return decode_base64(text).map(Value::Bytes);
        }
        let type_is_sound =
            map.get("$type").is_none_or(|name| name.as_str().is_some_and(|name| !name.is_empty()));
        if !type_is_sound {
            return Err(JsonError::Type);
        }
        if blob::is_blob(&map) && BlobFields::from_map(&map).is_none() {
            return Err(JsonError::Blob);
        }
        Ok(Value::Object(map))
    }
}

/// Standard base64, with or without padding.
fn decode_base64(text: &str) -> Result<Vec<u8>, JsonError> {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if digits.len() != text.len() && !text.len().is_multiple_of(4) {
        return Err(JsonError::Bytes);
    }
    LOOSE_BASE64.decode(digits.as_bytes()).map_err(|_| JsonError::Bytes)
}
