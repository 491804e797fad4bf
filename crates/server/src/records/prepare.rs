//! The rules for one record, in the order in which clients see them fail.

use cairn_lexicon::{Outcome, Reason, ValidationError};
use cairn_model::{BlobRefError, Nsid, RecordKey, RepoPath, Value, blob_refs};
use cairn_store::NewRecord;

use super::schemas::{Published, Schemas};
use crate::error::XrpcError;
use crate::published_lexicons::PublishedLexiconError;

/// Largest encoded record: what a commit event can carry and every consumer takes.
pub const MAX_RECORD_BYTES: usize = 1_000_000;

/// A record as a client wants it written.
#[derive(Debug)]
pub struct Draft {
    pub collection: Nsid,
    pub rkey: RecordKey,
    pub record: Value,
    /// `true`: must have a lexicon. `false`: no lexicon is applied. Absent: applied if it is at hand.
    pub validate: Option<bool>,
}

/// A record that may be written.
#[derive(Debug)]
pub struct Prepared {
    pub path: RepoPath,
    pub record: NewRecord,
    /// Absent when the caller turned validation off.
    pub validation: Option<Validation>,
}

/// What the lexicon said about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    Valid,
    Unknown,
}

impl Validation {
    /// The value of `validationStatus`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a record may not be written.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("Record must be an object")]
    NotAnObject,
    #[error("Invalid $type: expected {expected}, got {found}")]
    Type { expected: Nsid, found: String },
    #[error("Invalid $type: must be a string")]
    TypeNotText,
    #[error("Unknown lexicon type: {0}")]
    UnknownLexicon(Nsid),
    #[error("Unknown lexicon type: {collection}: {source}")]
    Unresolved { collection: Nsid, source: PublishedLexiconError },
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    #[error("Legacy blobs are not allowed")]
    LegacyBlob,
    #[error("Invalid blob reference: {0}")]
    Blob(BlobRefError),
    #[error("Record too large: {size} bytes, at most {MAX_RECORD_BYTES}")]
    TooLarge { size: usize },
}

impl PrepareError {
    /// The message for the record that stands at `root` in the request.
    pub fn message(&self, root: &str) -> String {
        match self {
            Self::Invalid(err) => err.message(root),
            err => format!("{err} ({root})"),
        }
    }
}

impl From<PrepareError> for XrpcError {
    fn from(err: PrepareError) -> Self {
        Self::invalid_request(err.to_string())
    }
}

/// Checks a record and encodes it.
///
/// # Errors
/// See [`PrepareError`].
pub fn prepare(schemas: &Schemas, draft: Draft) -> Result<Prepared, PrepareError> {
    let Draft { collection, rkey, mut record, validate } = draft;
    set_type(&collection, &mut record)?;
    let validation = match validate {
        Some(false) => None,
        _ => Some(check(schemas, &collection, &rkey, &record, validate)?),
    };
    let blobs = blob_refs(&record).map_err(|err| match err {
        BlobRefError::Legacy => PrepareError::LegacyBlob,
        err => PrepareError::Blob(err),
    })?;
    let record = NewRecord::new(&record, blobs);
    if record.bytes.len() > MAX_RECORD_BYTES {
        return Err(PrepareError::TooLarge { size: record.bytes.len() });
    }
    Ok(Prepared { path: RepoPath::new(&collection, &rkey), record, validation })
}

/// A record without `$type` gets that of its collection.
fn set_type(collection: &Nsid, record: &mut Value) -> Result<(), PrepareError> {
    let map = record.as_object_mut().ok_or(PrepareError::NotAnObject)?;
    match map.get("$type") {
        None => {
            map.insert("$type", collection.as_str());
            Ok(())
        }
        Some(Value::String(found)) if found == collection.as_str() => Ok(()),
        Some(Value::String(found)) => {
            Err(PrepareError::Type { expected: collection.clone(), found: found.clone() })
        }
        Some(_) => Err(PrepareError::TypeNotText),
    }
}

fn check(
    schemas: &Schemas,
    collection: &Nsid,
    rkey: &RecordKey,
    record: &Value,
    validate: Option<bool>,
) -> Result<Validation, PrepareError> {
    match schemas.check_known(collection, rkey, record)? {
        Outcome::Valid => return Ok(Validation::Valid),
        Outcome::Unknown => {}
    }
    let is_required = validate == Some(true);
    let collection = collection.clone();
    match schemas.published(&collection) {
        Published::Lexicons(lexicons) => {
            match schemas.check_published(lexicons, &collection, rkey, record) {
                Ok(Outcome::Valid) => Ok(Validation::Valid),
                // The record may be right by a definition that nobody could find.
                Err(ValidationError { reason: Reason::Unresolved(_), .. }) if !is_required => {
                    Ok(Validation::Unknown)
                }
                Err(err) => Err(err.into()),
                Ok(Outcome::Unknown) => Err(PrepareError::UnknownLexicon(collection)),
            }
        }
        Published::Unavailable(source) if is_required => {
            Err(PrepareError::Unresolved { collection, source: source.clone() })
        }
        Published::Unknown if is_required => Err(PrepareError::UnknownLexicon(collection)),
        Published::Unavailable(_) | Published::Unknown => Ok(Validation::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use cairn_lexicon::{LexiconDoc, Lexicons};
    use cairn_model::{Cid, Map, cbor};
    use serde_json::json;

    use super::*;

    fn draft(collection: &str, record: Value, validate: Option<bool>) -> Draft {
        Draft {
            collection: Nsid::parse(collection).unwrap(),
            rkey: RecordKey::parse("3jzfcijpj2z2a").unwrap(),
            record,
            validate,
        }
    }

    fn run(draft: Draft) -> Result<Prepared, PrepareError> {
        prepare(&Schemas::known(Lexicons::known()), draft)
    }

    fn post() -> Value {
        Value::from(Map::from_iter([("text", "hello"), ("createdAt", "2026-01-02T03:04:05.678Z")]))
    }

    #[test]
    fn a_missing_type_becomes_that_of_the_collection() {
        let prepared = run(draft("app.bsky.feed.post", post(), None)).unwrap();
        let stored = cbor::decode(&prepared.record.bytes, &cairn_model::Limits::RECORD).unwrap();
        assert_eq!(stored.get("$type").and_then(Value::as_str), Some("app.bsky.feed.post"));
        assert_eq!(prepared.record.cid, Cid::cbor_of(&prepared.record.bytes));
        assert_eq!(prepared.validation, Some(Validation::Valid));
    }

    #[test]
    fn another_type_than_the_collection_is_refused() {
        let mut record = post();
        record.as_object_mut().unwrap().insert("$type", "app.bsky.feed.like");
        let err = run(draft("app.bsky.feed.post", record, Some(false))).unwrap_err();
        assert_eq!(
            err.to_string(),
            "Invalid $type: expected app.bsky.feed.post, got app.bsky.feed.like"
        );
    }

    #[test]
    fn unknown_collections_pass_unless_validation_is_demanded() {
        let prepared = run(draft("com.example.thing", post(), None)).unwrap();
        assert_eq!(prepared.validation, Some(Validation::Unknown));
        assert!(matches!(
            run(draft("com.example.thing", post(), Some(true))),
            Err(PrepareError::UnknownLexicon(_))
        ));
        assert_eq!(run(draft("com.example.thing", post(), Some(false))).unwrap().validation, None);
    }

    #[test]
    fn known_records_are_checked_unless_validation_is_off() {
        let record = Value::from(Map::from_iter([("text", Value::Int(3))]));
        assert!(matches!(
            run(draft("app.bsky.feed.post", record.clone(), None)),
            Err(PrepareError::Invalid(_))
        ));
        assert!(run(draft("app.bsky.feed.post", record, Some(false))).is_ok());
    }

    #[test]
    fn the_records_of_a_request_share_the_work_that_a_published_lexicon_may_be() {
        let collection = Nsid::parse("com.example.many").unwrap();
        let properties: serde_json::Map<_, _> =
            (0..2_000).map(|n| (format!("p{n}"), json!({ "type": "boolean" }))).collect();
        let items =
            json!({ "type": "array", "items": { "type": "object", "properties": properties } });
        let object = json!({ "type": "object", "properties": { "items": items } });
        let main = json!({ "type": "record", "key": "any", "record": object });
        let document = json!({ "lexicon": 1, "id": "com.example.many", "defs": { "main": main } });
        let document = LexiconDoc::from_json(document).unwrap();
        let schemas = Schemas::known(Lexicons::known())
            .with_published(collection, Lexicons::from_documents(vec![document]));
        let write = || {
            let items = vec![Value::from(Map::new()); 100];
            let record = Value::from(Map::from_iter([("items", Value::Array(items))]));
            prepare(&schemas, draft("com.example.many", record, None))
        };
        assert_eq!(write().unwrap().validation, Some(Validation::Valid));
        let refused = (0..200).filter_map(|_| write().err()).collect::<Vec<_>>();
        assert!(refused.len() > 190, "{} of 200", refused.len());
        assert!(refused.iter().all(|err| matches!(
            err,
            PrepareError::Invalid(ValidationError { reason: Reason::TooManyParts, .. })
        )));
        // What others published takes nothing from the records that every server knows.
        prepare(&schemas, draft("app.bsky.feed.post", post(), None)).unwrap();
    }

    #[test]
    fn records_are_objects_of_at_most_a_million_bytes() {
        assert!(matches!(
            run(draft("com.example.thing", Value::Int(1), None)),
            Err(PrepareError::NotAnObject)
        ));
        let record = Value::from(Map::from_iter([("x", "y".repeat(MAX_RECORD_BYTES))]));
        assert!(matches!(
            run(draft("com.example.thing", record, None)),
            Err(PrepareError::TooLarge { .. })
        ));
    }
}
