//! What the public directory refuses beyond the rules of the method: sizes, counts and rates.
//!
//! A server checks these before it submits; a directory checks them upon arrival. Logs are not checked against
//! them: older operations were taken in under looser limits.

use std::collections::BTreeSet;
use std::time::Duration;

use cairn_model::Cid;
use jiff::Timestamp;

use super::log::LogEntry;
use super::operation::{Operation, PlcOperation};
use crate::public_key::{DidKey, PublicKey};

/// The largest operation in DAG-CBOR.
pub const MAX_OPERATION_BYTES: usize = 4000;
const MAX_ALIASES: usize = 10;
/// The longest handle (253) and `at://`.
const MAX_ALIAS_LENGTH: usize = 258;
const MAX_ROTATION_KEYS: usize = 10;
/// What the specification allows; the public directory takes more.
pub const MAX_OWN_ROTATION_KEYS: usize = 5;
const MAX_SERVICES: usize = 10;
const MAX_SERVICE_TYPE_LENGTH: usize = 256;
const MAX_SERVICE_ENDPOINT_LENGTH: usize = 512;
const MAX_VERIFICATION_METHODS: usize = 10;
const MAX_ID_LENGTH: usize = 32;

/// Operations of one DID that the directory takes within each span.
const RATES: [(Duration, usize, &str); 3] = [
    (Duration::from_secs(7 * 24 * 3600), 100, "week"),
    (Duration::from_secs(24 * 3600), 30, "day"),
    (Duration::from_secs(3600), 10, "hour"),
];

/// A limit that an operation exceeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// Too many bytes.
    #[error("operation too large ({MAX_OPERATION_BYTES} bytes maximum in cbor encoding)")]
    TooLarge,
    /// The old form of a genesis, which is only read.
    #[error("not a valid operation: legacy create is no longer accepted")]
    Legacy,
    /// `prev` names something that cannot be an operation.
    #[error("not a valid operation: prev is not the cid of an operation: {0}")]
    Prev(Cid),
    /// Too many entries of a list or map.
    #[error("too many {field} entries (max {max})")]
    TooMany {
        /// The operation's field.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// A text is too long.
    #[error("{field} too long (max {max})")]
    TooLong {
        /// What is too long.
        field: &'static str,
        /// The limit, in UTF-16 units as the public directory counts.
        max: usize,
    },
    /// An alias occurs twice.
    #[error("duplicate alsoKnownAs entry: {0}")]
    DuplicateAlias(String),
    /// A rotation key is not a K-256 or P-256 `did:key`.
    #[error("invalid rotationKey: {0}")]
    RotationKey(String),
    /// A verification method is not a `did:key`.
    #[error("invalid verificationMethod key: {0}")]
    VerificationMethod(String),

    /// A DID without rotation keys can never be changed again.
    #[error("rotationKeys must have 1 to {MAX_OWN_ROTATION_KEYS} different keys")]
    RotationKeys,
}

/// A DID changes too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many operations within last {span} (max {max})")]
pub struct RateLimitError {
    /// `hour`, `day` or `week`.
    pub span: &'static str,
    /// How many are allowed.
    pub max: usize,
}

/// Checks the sizes and forms that the public directory demands of an operation that it has not seen.
pub fn check_incoming(operation: &Operation) -> Result<(), ConstraintError> {
    if operation.to_cbor().len() > MAX_OPERATION_BYTES {
        return Err(ConstraintError::TooLarge);
    }
    if let Some(prev) = operation.prev().filter(|cid| cid.codec() != cairn_model::Codec::DagCbor) {
        return Err(ConstraintError::Prev(prev));
    }
    match operation {
        Operation::Tombstone(_) => Ok(()),
        Operation::LegacyCreate(_) => Err(ConstraintError::Legacy),
        Operation::Plc(op) => check_fields(op),
    }
}

/// The same for an operation that is about to be signed here, by the stricter rules of the specification: one to five
/// different rotation keys.
pub fn check_made(operation: &Operation) -> Result<(), ConstraintError> {
    if let Operation::Plc(op) = operation {
        let different: BTreeSet<&String> = op.rotation_keys.iter().collect();
        let is_right = (1..=MAX_OWN_ROTATION_KEYS).contains(&op.rotation_keys.len())
            && different.len() == op.rotation_keys.len();
        if !is_right {
            return Err(ConstraintError::RotationKeys);
        }
    }
    check_incoming(operation)
}

fn check_fields(op: &PlcOperation) -> Result<(), ConstraintError> {
    count("alsoKnownAs", op.also_known_as.len(), MAX_ALIASES)?;
    let mut seen = BTreeSet::new();
    for alias in &op.also_known_as {
        length("alsoKnownAs entry", alias, MAX_ALIAS_LENGTH)?;
        if !seen.insert(alias) {
            return Err(ConstraintError::DuplicateAlias(alias.clone()));
        }
    }
    // Duplicates and an empty list are allowed here, though the specification asks for one to five different keys:
    // the public directory takes both.
    count("rotationKey", op.rotation_keys.len(), MAX_ROTATION_KEYS)?;
    for key in &op.rotation_keys {
        PublicKey::parse_did_key(key).map_err(|_| ConstraintError::RotationKey(key.clone()))?;
    }
    count("service", op.services.len(), MAX_SERVICES)?;
    for (id, service) in &op.services {
        length("service id", id, MAX_ID_LENGTH)?;
        length("service type", &service.kind, MAX_SERVICE_TYPE_LENGTH)?;
        length("service endpoint", &service.endpoint, MAX_SERVICE_ENDPOINT_LENGTH)?;
    }
    count("verificationMethod", op.verification_methods.len(), MAX_VERIFICATION_METHODS)?;
    for (id, key) in &op.verification_methods {
        length("verificationMethod id", id, MAX_ID_LENGTH)?;
        DidKey::parse(key).map_err(|_| ConstraintError::VerificationMethod(key.clone()))?;
    }
    Ok(())
}

fn count(field: &'static str, n: usize, max: usize) -> Result<(), ConstraintError> {
    if n > max {
        return Err(ConstraintError::TooMany { field, max });
    }
    Ok(())
}

fn length(field: &'static str, text: &str, max: usize) -> Result<(), ConstraintError> {
    if text.encode_utf16().count() > max {
        return Err(ConstraintError::TooLong { field, max });
    }
    Ok(())
}

/// Checks whether a DID with these active entries may have one more operation at `now`. Recoveries are exempt, so
/// that an attacker cannot lock the owner out by filling the quota.
pub fn check_rate(active: &[LogEntry], now: Timestamp) -> Result<(), RateLimitError> {
    for (span, max, name) in RATES {
        let since = now.checked_sub(span).unwrap_or(Timestamp::MIN);
        if active.iter().filter(|entry| entry.created_at > since).count() >= max {
            return Err(RateLimitError { span: name, max });
        }
    }
    Ok(())
}
