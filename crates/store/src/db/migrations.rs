//! The schema, as a list of steps. Entries are only ever appended: the index is the version.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/001_core.sql"),
    include_str!("../../migrations/002_accounts.sql"),
    include_str!("../../migrations/003_event_removed.sql"),
    include_str!("../../migrations/004_founding.sql"),
    include_str!("../../migrations/005_email_auth_factor.sql"),
    include_str!("../../migrations/006_oauth.sql"),
    include_str!("../../migrations/007_factors.sql"),
    include_str!("../../migrations/008_lexicon.sql"),
    include_str!("../../migrations/009_invite_note.sql"),
    include_str!("../../migrations/010_pending_key.sql"),
    include_str!("../../migrations/011_retired_did.sql"),
    include_str!("../../migrations/012_applicant.sql"),
    include_str!("../../migrations/013_usage.sql"),
    include_str!("../../migrations/014_first_rev.sql"),
    include_str!("../../migrations/015_app_password_scopes.sql"),
    include_str!("../../migrations/016_passkey_backup.sql"),
    include_str!("../../migrations/017_move.sql"),
    include_str!("../../migrations/018_operator.sql"),
    include_str!("../../migrations/019_passkey_verified.sql"),
    include_str!("../../migrations/020_totp_begun_by.sql"),
    include_str!("../../migrations/021_record_count.sql"),
    include_str!("../../migrations/022_arriving.sql"),
    include_str!("../../migrations/023_oauth_access_used.sql"),
    include_str!("../../migrations/024_trusted_browser.sql"),
    include_str!("../../migrations/025_history.sql"),
    include_str!("../../migrations/026_passkey_alone.sql"),
];

/// Applies the steps that `PRAGMA user_version` says are still missing.
pub(crate) fn migrate(conn: &mut Connection) -> Result<(), OpenError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let done: u32 =
        tx.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if done > known {
        return Err(OpenError::TooNew { found: done, known });
    }
    for (version, sql) in (1u32..).zip(MIGRATIONS) {
        if version > done {
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "user_version", version)?;
        }
    }
    Ok(tx.commit()?)
}
