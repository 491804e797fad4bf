//! Record keys that the server chooses.

use std::sync::LazyLock;

use cairn_model::{RecordKey, TidClock};
use rand::RngExt;

use crate::App;

/// One for the process: two records created in the same microsecond get different keys. The clock identifier is
/// random, so that keys made elsewhere for the same account are unlikely to meet these.
static CLOCK: LazyLock<TidClock> =
    LazyLock::new(|| TidClock::new(rand::rng().random_range(0..1024)));

/// A new record key: a TID, later than all that this process has given.
pub fn next_rkey(app: &App) -> RecordKey {
    let tid = CLOCK.next(app.now_micros()).to_string();
    RecordKey::parse(&tid).unwrap_or_else(|_| unreachable!("every TID is a record key"))
}
