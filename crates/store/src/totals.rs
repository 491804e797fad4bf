//! What there is on the whole server, for the operator.

use rusqlite::Row;

use crate::accounts::columns::opt_bytes;
use crate::{Store, StoreError};

/// Accounts by state, as [`crate::Account::status`] has it, and what all of them take of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub active: u64,
    pub deactivated: u64,
    pub suspended: u64,
    pub taken_down: u64,
    /// People who wait for an account.
    pub applicants: u64,
    /// Blocks of records and trees, in bytes.
    pub repo_bytes: u64,
    /// In bytes.
    pub blob_bytes: u64,
}

impl Totals {
    /// All accounts, active or not.
    pub fn accounts(&self) -> u64 {
        [self.active, self.deactivated, self.suspended, self.taken_down].iter().sum()
    }
}

impl Store {
    /// Counts everything. Reads a row of each account.
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        self.read_one(move |tx| {
            Ok(tx
                .prepare_cached(
                    "SELECT
                       count(*) FILTER (WHERE takedown_ref IS NOT NULL) AS taken_down,
                       count(*) FILTER (WHERE takedown_ref IS NULL AND suspended_at IS NOT NULL) AS suspended,
                       count(*) FILTER (WHERE takedown_ref IS NULL AND suspended_at IS NULL
                                          AND deactivated_at IS NOT NULL) AS deactivated,
                       count(*) FILTER (WHERE takedown_ref IS NULL AND suspended_at IS NULL
                                          AND deactivated_at IS NULL) AS active,
                       (SELECT count(*) FROM applicant) AS applicants,
                       (SELECT sum(record_bytes + node_bytes) FROM repo WHERE state = 1) AS repo_bytes,
                       sum(blob_bytes) AS blob_bytes
                     FROM account",
                )?
                .query_row((), from_row)?)
        })
        .await
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Totals> {
    let number = |name| Ok::<_, rusqlite::Error>(opt_bytes(row, name)?.unwrap_or(0));
    Ok(Totals {
        active: number("active")?,
        deactivated: number("deactivated")?,
        suspended: number("suspended")?,
        taken_down: number("taken_down")?,
        applicants: number("applicants")?,
        repo_bytes: number("repo_bytes")?,
        blob_bytes: number("blob_bytes")?,
    })
}
