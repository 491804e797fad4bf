//! Why there is no published lexicon of an NSID.

use std::sync::Arc;

use cairn_identity::{FetchError, ResolveError};
use cairn_lexicon::LexiconError;
use cairn_model::cbor::CborError;
use cairn_model::{Cid, Did};
use cairn_repo::verify::VerifyError;
use cairn_store::StoreError;

use crate::error::XrpcError;

/// When to come back after too many look-ups waited.
const BUSY_SECONDS: u64 = 10;

/// Why a lexicon does not resolve. Cheap to clone: one failure answers everybody who waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishedLexiconError {
    #[error("_lexicon.{domain} has no record that names a DID")]
    NoAuthority { domain: String },
    #[error("{domain} could not be asked whose its lexicons are: {source}")]
    Authority { domain: String, source: ResolveError },
    #[error("{did} could not be resolved: {source}")]
    Identity { did: Did, source: ResolveError },
    #[error("{did} names no PDS")]
    NoPds { did: Did },
    #[error("{did} names no signing key")]
    NoKey { did: Did },
    /// An account of this server that moderation has taken down, or a record of which that is true.
    #[error("{uri} has been taken down")]
    TakenDown { uri: String },
    #[error("there is no record {uri}")]
    NoRecord { uri: String },
    #[error("the host of {did} could not be asked: {source}")]
    Fetch { did: Did, source: Arc<FetchError> },
    #[error("the host of {did} answered {status}")]
    Status { did: Did, status: u16 },
    #[error("the host of {did} gave no proof of the record: {source}")]
    Proof { did: Did, source: Arc<VerifyError> },
    #[error("the record has {size} bytes, more than {max}")]
    TooLarge { size: usize, max: usize },
    #[error("the record is not DAG-CBOR: {0}")]
    Cbor(#[from] CborError),
    #[error("the record's $type is not com.atproto.lexicon.schema")]
    Type,
    #[error("the record's id is not its key")]
    Id,
    #[error("record {cid} is not a lexicon: {source}")]
    Document { cid: Cid, source: Arc<LexiconError> },
    #[error("it is not the lexicon of a record")]
    NotARecord,
    #[error("the look-up took too long")]
    Timeout,
    #[error("too many look-ups wait")]
    Busy,
    #[error("the server is shutting down")]
    ShutDown,
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl PublishedLexiconError {
    /// Whether the lexicon must not be served from a cache either.
    pub(super) fn withdraws(&self) -> bool {
        matches!(self, Self::TakenDown { .. })
    }

    /// Whether it says something of this server rather than of the lexicon.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Busy | Self::ShutDown | Self::Store(_))
    }
}

impl From<StoreError> for PublishedLexiconError {
    fn from(err: StoreError) -> Self {
        Self::Store(Arc::new(err))
    }
}

impl From<PublishedLexiconError> for XrpcError {
    fn from(err: PublishedLexiconError) -> Self {
        match err {
            PublishedLexiconError::Store(err) => Self::internal(err),
            PublishedLexiconError::Busy | PublishedLexiconError::ShutDown => {
                Self::unavailable("lexicons cannot be looked up now, try again")
                    .retry_after(BUSY_SECONDS)
            }
            err => Self::named("LexiconNotFound", err.to_string()),
        }
    }
}
