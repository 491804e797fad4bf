//! How slow the other end of a long transfer may be.

use std::time::Duration;

/// The least that a peer must move on average: what it holds meanwhile is there for few at a time.
const MIN_BYTES_PER_SECOND: u128 = 16 * 1024;

/// Whether a peer that has moved so many bytes in this time is to be given up. It has `patience`
/// before anything is asked of it.
pub fn is_too_slow(bytes: u64, time: Duration, patience: Duration) -> bool {
    time > patience && u128::from(bytes) * 1_000 < time.as_millis() * MIN_BYTES_PER_SECOND
}
