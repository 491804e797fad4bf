//! Which lexicons the records of a request are held against: those of the table, and published ones for the rest.
//!
//! Records of the table pass without another look. For others it depends on what the caller wants: with `validate: true` the lexicon has
//! to be there, and the network is waited for. Without the flag a lexicon counts if it is at hand; if it is not, it is
//! looked for in the background and the record is written as `unknown` meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cairn_lexicon::{Budget, Lexicons, Outcome, ValidationError};
use cairn_model::{Nsid, RecordKey, Value};
use tokio::time::{Instant, timeout_at};

use crate::auth::Session;
use crate::error::XrpcError;
use crate::limits::Bucket;
use crate::published_lexicons::{AtHand, PublishedLexiconError};
use crate::xrpc::Cx;

/// A request waits this long at most for all the lexicons that it needs.
const WAIT: Duration = Duration::from_secs(10);

/// The lexicons of one request, and how much work its records may be. Published lexicons get little of it: whoever wrote
/// one may also be who sends the records.
pub struct Schemas {
    known: &'static Lexicons,
    published: HashMap<Nsid, Published>,
    known_budget: Budget,
    published_budget: Budget,
}

/// What is known of a collection that is not in the table.
pub(super) enum Published {
    Lexicons(Arc<Lexicons>),
    Unavailable(PublishedLexiconError),
    Unknown,
}

impl Schemas {
    /// Only those of the table.
    pub(super) fn known(known: &'static Lexicons) -> Self {
        Self {
            known,
            published: HashMap::new(),
            known_budget: Budget::trusted(),
            published_budget: Budget::foreign(),
        }
    }

    /// Finds what is needed for records of these collections.
    ///
    /// # Errors
    /// 429 when the account has made the server look for too many, 5xx when the server cannot look. A lexicon that does
    /// not resolve is for the record to fail.
    pub async fn find(
        cx: &Cx<Session>,
        validate: Option<bool>,
        collections: impl Iterator<Item = &Nsid>,
    ) -> Result<Self, XrpcError> {
        let mut schemas = Self::known(cx.app.lexicons);
        if validate == Some(false) {
            return Ok(schemas);
        }
        let deadline = Instant::now() + WAIT;
        for collection in collections {
            let is_known = schemas.known.record_key_type(collection).is_some();
            if is_known || schemas.published.contains_key(collection) {
                continue;
            }
            let found = match validate {
                Some(true) => required(cx, collection, deadline).await?,
                _ => at_hand(cx, collection).await?,
            };
            schemas.published.insert(collection.clone(), found);
        }
        Ok(schemas)
    }

    pub(super) fn published(&self, collection: &Nsid) -> &Published {
        self.published.get(collection).unwrap_or(&Published::Unknown)
    }

    /// Checks a record against the table.
    pub(super) fn check_known(
        &self,
        collection: &Nsid,
        rkey: &RecordKey,
        record: &Value,
    ) -> Result<Outcome, ValidationError> {
        self.known.validate_record(collection, rkey, record, &self.known_budget)
    }

    /// Checks a record against a published lexicon of this request.
    pub(super) fn check_published(
        &self,
        lexicons: &Lexicons,
        collection: &Nsid,
        rkey: &RecordKey,
        record: &Value,
    ) -> Result<Outcome, ValidationError> {
        lexicons.validate_record(collection, rkey, record, &self.published_budget)
    }

    #[cfg(test)]
    pub(super) fn with_published(mut self, collection: Nsid, lexicons: Lexicons) -> Self {
        self.published.insert(collection, Published::Lexicons(Arc::new(lexicons)));
        self
    }
}

async fn required(
    cx: &Cx<Session>,
    collection: &Nsid,
    deadline: Instant,
) -> Result<Published, XrpcError> {
    let published = &cx.app.lexicons_published;
    match published.at_hand(collection).await? {
        AtHand::Whole(lexicons) => return Ok(Published::Lexicons(lexicons)),
        AtHand::Failed(err) => return Ok(Published::Unavailable(err)),
        AtHand::Usable(_) | AtHand::Nothing => {}
    }
    cx.charge(Bucket::LookUpLexicon, cx.caller.did().as_str(), 1)?;
    let found = timeout_at(deadline, published.for_records(collection)).await;
    match found.unwrap_or(Err(PublishedLexiconError::Timeout)) {
        Ok(lexicons) => Ok(Published::Lexicons(lexicons)),
        Err(err) if err.is_own() => Err(err.into()),
        Err(err) => Ok(Published::Unavailable(err)),
    }
}

async fn at_hand(cx: &Cx<Session>, collection: &Nsid) -> Result<Published, XrpcError> {
    let found = match cx.app.lexicons_published.at_hand(collection).await? {
        AtHand::Whole(lexicons) => return Ok(Published::Lexicons(lexicons)),
        AtHand::Failed(_) => return Ok(Published::Unknown),
        AtHand::Usable(lexicons) => Published::Lexicons(lexicons),
        AtHand::Nothing => Published::Unknown,
    };
    if cx.has_room(Bucket::LookUpLexicon, cx.caller.did().as_str()) {
        cx.app.lexicons_published.renew(collection);
    }
    Ok(found)
}
