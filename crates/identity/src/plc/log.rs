//! Validation of operation logs: order, signatures, nullification and the recovery window.
//!
//! A log's active operations form a chain. A more powerful rotation key may fork the chain at an earlier operation
//! within 72 hours of the first operation that it thereby nullifies.

use std::time::Duration;

use cairn_model::{Cid, Did};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::data::PlcData;
use super::operation::Operation;
use super::timestamp;

/// How long a more powerful key may take an operation back; the last instant still counts.
pub const RECOVERY_WINDOW: Duration = Duration::from_secs(72 * 3600);

/// An operation as the audit log lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// The DID that it belongs to.
    pub did: Did,
    /// The signed operation.
    pub operation: Operation,
    /// Its CID.
    pub cid: Cid,
    /// Whether a later fork took it back.
    pub nullified: bool,
    /// When the directory took it in.
    #[serde(with = "timestamp")]
    pub created_at: Timestamp,
}

/// Why an operation or a log is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlcError {
    /// The log has no operation.
    #[error("the log is empty")]
    Empty,
    /// The first operation has a `prev`, or is a tombstone.
    #[error("the first operation is not a genesis")]
    NotGenesis,
    /// The genesis makes another DID.
    #[error("hash of genesis operation does not match DID identifier: {made}")]
    GenesisHash {
        /// The DID that it makes.
        made: Did,
    },
    /// `prev` is not an active operation, or a tombstone, or time runs backward.
    #[error("operations not correctly ordered")]
    Misordered,
    /// No key that may sign this operation did.
    #[error("invalid signature on operation")]
    InvalidSignature,
    /// The fork comes too late.
    #[error(
        "recovery operation occurred outside of the allowed 72 hr recovery window, time lapsed: {elapsed_ms} ms"
    )]
    LateRecovery {
        /// Milliseconds since the first operation that would be nullified.
        elapsed_ms: i128,
    },
    /// A log entry names another DID than the log's.
    #[error("log entry {index} belongs to another did")]
    EntryDid {
        /// The entry's place.
        index: usize,
    },
    /// A log entry's CID is not its operation's.
    #[error("log entry {index} has another cid than its operation")]
    EntryCid {
        /// The entry's place.
        index: usize,
    },
    /// A log entry's `nullified` does not follow from the log.
    #[error("log entry {index} is wrongly marked as nullified or active")]
    EntryNullified {
        /// The entry's place.
        index: usize,
    },
}

/// What a valid log amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The DID's data.
    Active(PlcData),
    /// The DID has ended.
    Tombstoned,
}

/// Checks whether `operation`, arriving at `at`, may follow the active (not nullified) entries of a log.
///
/// Returns the CIDs of the entries that it nullifies: empty unless it is a recovery.
pub fn check_next(
    did: &Did,
    active: &[LogEntry],
    operation: &Operation,
    at: Timestamp,
) -> Result<Vec<Cid>, PlcError> {
    let Some(newest) = active.last() else {
        return check_genesis(did, operation).map(|()| Vec::new());
    };
    let prev = operation.prev().ok_or(PlcError::Misordered)?;
    let place = active.iter().position(|entry| entry.cid == prev).ok_or(PlcError::Misordered)?;
    let (history, nullified) = active.split_at_checked(place + 1).ok_or(PlcError::Misordered)?;
    let last = history.last().ok_or(PlcError::Misordered)?;
    let keys = PlcData::of(did, &last.operation).ok_or(PlcError::Misordered)?.rotation_keys;

    let Some(disputed) = nullified.first() else {
        operation.signer(&keys)?;
        return Ok(Vec::new());
    };
    let disputed_signer = disputed.operation.signer(&keys)?;
    let stronger = keys.get(..disputed_signer).unwrap_or_default();
    operation.signer(stronger)?;
    if at <= newest.created_at {
        return Err(PlcError::Misordered);
    }
    let elapsed = at.duration_since(disputed.created_at);
    if elapsed > SignedDuration::try_from(RECOVERY_WINDOW).unwrap_or(SignedDuration::MAX) {
        return Err(PlcError::LateRecovery { elapsed_ms: elapsed.as_millis() });
    }
    Ok(nullified.iter().map(|entry| entry.cid).collect())
}

fn check_genesis(did: &Did, operation: &Operation) -> Result<(), PlcError> {
    let made = operation.did_of_genesis().ok_or(PlcError::NotGenesis)?;
    let data = PlcData::of(did, operation).ok_or(PlcError::NotGenesis)?;
    operation.signer(&data.rotation_keys)?;
    if made != *did {
        return Err(PlcError::GenesisHash { made });
    }
    Ok(())
}

/// Checks a whole audit log, nullified operations included, and returns what it amounts to.
///
/// CIDs, `nullified` marks and timestamps are checked too, so that a directory cannot rewrite history unseen.
pub fn validate_log(did: &Did, entries: &[LogEntry]) -> Result<State, PlcError> {
    let mut active: Vec<LogEntry> = Vec::new();
    let mut newest: Option<Timestamp> = None;
    for (index, entry) in entries.iter().enumerate() {
        if entry.did != *did {
            return Err(PlcError::EntryDid { index });
        }
        if entry.cid != entry.operation.cid() {
            return Err(PlcError::EntryCid { index });
        }
        if newest.is_some_and(|newest| entry.created_at < newest) {
            return Err(PlcError::Misordered);
        }
        newest = Some(entry.created_at);
        let nullified = check_next(did, &active, &entry.operation, entry.created_at)?;
        active.retain(|earlier| !nullified.contains(&earlier.cid));
        active.push(entry.clone());
    }
    for (index, entry) in entries.iter().enumerate() {
        let is_active = active.iter().any(|other| other.cid == entry.cid);
        if is_active == entry.nullified {
            return Err(PlcError::EntryNullified { index });
        }
    }
    let last = active.last().ok_or(PlcError::Empty)?;
    Ok(PlcData::of(did, &last.operation).map_or(State::Tombstoned, State::Active))
}
