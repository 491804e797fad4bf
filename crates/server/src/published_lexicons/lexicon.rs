//! A published lexicon: a record of `com.atproto.lexicon.schema` whose key is its id.

use std::sync::Arc;

use cairn_lexicon::{LexiconDoc, LexiconError};
use cairn_model::{Cid, Did, Limits, Nsid, Value, cbor};

use super::error::PublishedLexiconError;
use super::source::COLLECTION;

/// Largest record. The largest lexicons in use have 40 KiB.
pub(super) const MAX_RECORD_BYTES: usize = 128 * 1024;

/// A lexicon as its authority published it.
#[derive(Debug)]
pub struct ResolvedLexicon {
    /// `at://DID/com.atproto.lexicon.schema/NSID`
    pub uri: String,
    /// Of the record.
    pub cid: Cid,
    /// The record: a well-formed lexicon document, with its `$type`.
    pub json: serde_json::Value,
    /// Of the record, encoded: what caches count.
    pub(super) size_bytes: usize,
}

impl ResolvedLexicon {
    /// Reads the record that stands under `nsid` in the repository of `did`. May take tens of milliseconds.
    pub(super) fn read(
        nsid: &Nsid,
        did: &Did,
        record: &[u8],
    ) -> Result<Self, PublishedLexiconError> {
        let (size, max) = (record.len(), MAX_RECORD_BYTES);
        if size > max {
            return Err(PublishedLexiconError::TooLarge { size, max });
        }
        // Bounds the depth, which every later reader relies on.
        let value = cbor::decode(record, &Limits::RECORD)?;
        if value.get("$type").and_then(Value::as_str) != Some(COLLECTION) {
            return Err(PublishedLexiconError::Type);
        }
        if value.get("id").and_then(Value::as_str) != Some(nsid.as_str()) {
            return Err(PublishedLexiconError::Id);
        }
        let cid = Cid::cbor_of(record);
        let not_a_lexicon = |err| PublishedLexiconError::Document {
            cid,
            source: Arc::new(LexiconError::from(err)),
        };
        let mut text = Vec::new();
        cbor::write_json(record, &mut text)?;
        let json = serde_json::from_slice(&text).map_err(not_a_lexicon)?;
        let lexicon =
            Self { uri: format!("at://{did}/{COLLECTION}/{nsid}"), cid, json, size_bytes: size };
        lexicon.document()?;
        Ok(lexicon)
    }

    /// The document, ready to be put to use.
    ///
    /// # Errors
    /// None that [`PublishedLexicons::resolve`](super::PublishedLexicons::resolve) would not have met.
    pub fn document(&self) -> Result<LexiconDoc, PublishedLexiconError> {
        LexiconDoc::from_json(self.json.clone())
            .map_err(|err| PublishedLexiconError::Document { cid: self.cid, source: Arc::new(err) })
    }
}
