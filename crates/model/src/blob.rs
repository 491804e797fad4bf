//! References to blobs inside records: <https://atproto.com/specs/data-model#blob-type>.

use crate::{Cid, Codec, Map, Value};

/// A reference to a blob: `{"$type": "blob", "ref": …, "mimeType": …, "size": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobRef {
    /// The blob, as a raw CID.
    pub cid: Cid,
    /// The media type, as whoever wrote the record says.
    pub mime_type: String,
    /// The size in bytes; 0 where a legacy reference does not say.
    pub size: u64,
}

/// Why the blob references of a record cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobRefError {
    /// The form `{"cid": …, "mimeType": …}` of 2022, which may be read and no longer be written.
    #[error("legacy blobs are not allowed")]
    Legacy,
    /// Says that it is a blob, but a field is missing, of a wrong type or unknown.
    #[error("malformed blob reference")]
    Malformed,
    /// A link to something that is not raw bytes.
    #[error("the link of a blob reference must use the raw codec")]
    Codec,
}

impl BlobRef {
    /// Reads a reference in the present form.
    pub fn from_value(value: &Value) -> Result<Self, BlobRefError> {
        value.as_object().ok_or(BlobRefError::Malformed).and_then(Self::from_map)
    }

    fn from_map(map: &Map) -> Result<Self, BlobRefError> {
        let blob = BlobFields::from_map(map).ok_or(BlobRefError::Malformed)?;
        if blob.cid.codec() != Codec::Raw {
            return Err(BlobRefError::Codec);
        }
        Ok(Self { cid: *blob.cid, mime_type: blob.mime_type.to_owned(), size: blob.size })
    }

    /// The reference as it stands in a record.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(Map::from_iter([
            ("$type", Value::from("blob")),
            ("ref", Value::Link(self.cid)),
            ("mimeType", Value::from(self.mime_type.as_str())),
            ("size", Value::Int(i64::try_from(self.size).unwrap_or(i64::MAX))),
        ]))
    }
}

/// A well-formed reference, borrowed; the codec is not looked at.
pub(crate) struct BlobFields<'a> {
    cid: &'a Cid,
    mime_type: &'a str,
    size: u64,
}

impl<'a> BlobFields<'a> {
    pub(crate) fn from_map(map: &'a Map) -> Option<Self> {
        let cid = map.get("ref")?.as_link()?;
        let mime_type = map.get_str("mimeType").filter(|text| !text.is_empty())?;
        let size = u64::try_from(map.get("size")?.as_int()?).ok()?;
        (map.len() == 4 && is_blob(map)).then_some(Self { cid, mime_type, size })
    }
}

pub(crate) fn is_blob(map: &Map) -> bool {
    map.get_str("$type") == Some("blob")
}

/// The CID and type of `{"cid": "…", "mimeType": "…"}`.
fn legacy(map: &Map) -> Option<(Cid, &str)> {
    if map.len() != 2 {
        return None;
    }
    let cid = Cid::parse(map.get_str("cid")?).ok()?;
    Some((cid, map.get_str("mimeType")?))
}

/// All blob references anywhere in a record, each once, in order of appearance.
///
/// # Errors
/// If one is malformed, or in the legacy form.
pub fn blob_refs(record: &Value) -> Result<Vec<BlobRef>, BlobRefError> {
    let mut found: Vec<BlobRef> = Vec::new();
    for_each_map(record, |map| {
        if is_blob(map) {
            let blob = BlobRef::from_map(map)?;
            if !found.contains(&blob) {
                found.push(blob);
            }
            return Ok(Descend::No);
        }
        if legacy(map).is_some() {
            return Err(BlobRefError::Legacy);
        }
        Ok(Descend::Yes)
    })?;
    Ok(found)
}

/// All blob references anywhere in a record that another host wrote, each CID once. Legacy references count, with size
/// 0; what is malformed is passed over, but for the link that it may have.
#[must_use]
pub fn blob_refs_lenient(record: &Value) -> Vec<BlobRef> {
    let mut found: Vec<BlobRef> = Vec::new();
    let walked: Result<(), std::convert::Infallible> = for_each_map(record, |map| {
        let blob = if is_blob(map) {
            map.get("ref").and_then(Value::as_link).map(|cid| BlobRef {
                cid: *cid,
                mime_type: map.get_str("mimeType").unwrap_or_default().to_owned(),
                size: map
                    .get("size")
                    .and_then(Value::as_int)
                    .and_then(|size| size.try_into().ok())
                    .unwrap_or(0),
            })
        } else {
            legacy(map).map(|(cid, mime_type)| BlobRef {
                cid,
                mime_type: mime_type.to_owned(),
                size: 0,
            })
        };
        let Some(blob) = blob else {
            return Ok(Descend::Yes);
        };
        if !found.iter().any(|known| known.cid == blob.cid) {
            found.push(blob);
        }
        Ok(Descend::No)
    });
    let Ok(()) = walked;
    found
}

enum Descend {
    Yes,
    No,
}

/// Visits the objects of a value, outer ones first, without recursion.
fn for_each_map<'a, E>(
    value: &'a Value,
    mut visit: impl FnMut(&'a Map) -> Result<Descend, E>,
) -> Result<(), E> {
    let mut stack = vec![value];
    while let Some(value) = stack.pop() {
        match value {
            Value::Array(items) => stack.extend(items.iter().rev()),
            Value::Object(map) => {
                if matches!(visit(map)?, Descend::Yes) {
                    let at = stack.len();
                    stack.extend(map.iter().map(|(_, value)| value));
                    if let Some(fields) = stack.get_mut(at..) {
                        fields.reverse();
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn blob(size: u64) -> BlobRef {
        BlobRef { cid: Cid::raw_of(&size.to_be_bytes()), mime_type: "image/png".into(), size }
    }

    #[test]
    fn references_are_found_once_and_in_order() {
        let record = Value::Object(Map::from_iter([
            ("a", Value::Array(vec![blob(1).to_value(), blob(2).to_value()])),
            ("b", blob(1).to_value()),
            ("cc", Value::Object(Map::from_iter([("x", blob(3).to_value())]))),
        ]));
        assert_eq!(blob_refs(&record).unwrap(), [blob(1), blob(2), blob(3)]);
        assert_eq!(blob_refs_lenient(&record), [blob(1), blob(2), blob(3)]);
    }

    #[test]
    fn legacy_references_are_told_apart() {
        let cid = Cid::raw_of(b"x");
        let legacy =
            Map::from_iter([("cid", cid.to_string()), ("mimeType", "image/png".to_owned())]);
        let record = Value::Object(Map::from_iter([("avatar", Value::Object(legacy))]));
        assert_eq!(blob_refs(&record), Err(BlobRefError::Legacy));
        let found = blob_refs_lenient(&record);
        assert_eq!(found, [BlobRef { cid, mime_type: "image/png".into(), size: 0 }]);
    }

    #[test]
    fn malformed_references_are_refused() {
        let Value::Object(mut map) = blob(1).to_value() else { unreachable!() };
        map.insert("size", -1);
        assert_eq!(BlobRef::from_value(&Value::Object(map)), Err(BlobRefError::Malformed));
        let link = BlobRef { cid: Cid::cbor_of(b"x"), ..blob(1) };
        assert_eq!(BlobRef::from_value(&link.to_value()), Err(BlobRefError::Codec));
    }
}
