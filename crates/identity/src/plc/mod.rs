//! did:plc operations: built, signed, hashed, validated. <https://web.plc.directory/spec/v0.1/did-plc>
//!
//! Everything here is a function over data: no network, no storage, no clock. A directory, an auditor and a server
//! that prepares an update use the same code.

mod constraints;
mod data;
mod log;
mod operation;
mod unsigned;

pub use constraints::{
    ConstraintError, MAX_OPERATION_BYTES, MAX_OWN_ROTATION_KEYS, RateLimitError, check_incoming,
    check_made, check_rate,
};
pub use data::PlcData;
pub use log::{LogEntry, PlcError, RECOVERY_WINDOW, State, check_next, validate_log};
pub use operation::{LegacyCreate, Operation, PlcOperation, PlcService, Tombstone};
pub use unsigned::{UnsignedOperation, sign_tombstone};

/// Instants as the directory writes them: milliseconds and `Z`.
pub mod timestamp {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// `2026-11-23T10:00:00.000Z`.
    #[must_use]
    pub fn format(at: Timestamp) -> String {
        format!("{at:.3}")
    }

    /// Serializes with [`format()`].
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*at))
    }

    /// Reads RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
