//! The operator's log: what operators, moderators and owners did to accounts.
//!
//! An entry outlives the account that it is about, so it holds a DID and what was done, not what belongs to the account.
//! Entries go after a year.

use cairn_model::Did;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Row, params};

use crate::accounts::columns::{instant, micros};
use crate::{Store, StoreError};

/// How long entries are kept.
pub const ACT_RETENTION: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Entries on one page at most.
const MAX_PAGE: u32 = 1000;

/// An entry to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAct {
    /// Who did it: `admin`, or a DID.
    pub actor: String,
    /// What was done, in the log's words (`takedown`, `sign_in`).
    pub action: String,
    /// To what: a DID, a CID, a name.
    pub subject: String,
    /// More about it, as JSON; without secrets.
    pub detail: String,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Grows with each entry; the cursor of a list.
    pub id: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject: String,
    /// JSON.
    pub detail: String,
}

impl Store {
    /// Adds an entry.
    pub async fn record_act(&self, new: NewAct) -> Result<(), StoreError> {
        self.write_tx(move |tx| {
            tx.prepare_cached(
                "INSERT INTO act (at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                tx.now_micros(),
                new.actor,
                new.action,
                new.subject,
                new.detail
            ])?;
            Ok(())
        })
        .await
    }

    /// A page of the log, the newest entry first, of those before the entry `before`.
    pub async fn acts(&self, before: Option<i64>, limit: u32) -> Result<Vec<Act>, StoreError> {
        self.read_one(move |tx| {
            let mut statement =
                tx.prepare_cached("SELECT * FROM act WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?;
            let rows = statement
                .query_map(params![before.unwrap_or(i64::MAX), limit.min(MAX_PAGE)], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The same of one subject.
    pub async fn acts_on(
        &self,
        subject: &Did,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Act>, StoreError> {
        let subject = subject.to_string();
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT * FROM act WHERE subject = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            let rows = statement.query_map(
                params![subject, before.unwrap_or(i64::MAX), limit.min(MAX_PAGE)],
                from_row,
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Job: removes entries past their retention. Returns how many.
    pub async fn prune_acts(&self) -> Result<usize, StoreError> {
        let until = self.clock().now().saturating_sub(ACT_RETENTION).map_or(i64::MIN, micros);
        self.remove_ended("act", "id", "at", until).await
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Act> {
    Ok(Act {
        id: row.get("id")?,
        at: instant(row.get("at")?),
        actor: row.get("actor")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        detail: row.get("detail")?,
    })
}
