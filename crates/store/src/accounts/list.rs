//! Accounts in pages, for administration and for jobs.

use super::lookup::{COLUMNS, from_row};
use super::{Account, columns::micros};
use crate::{AccountId, Store, StoreError};

/// More than this does not go in one page.
const MAX_PAGE: u32 = 1_000;

impl Store {
    /// Accounts in the order of their creation, after `cursor`; an empty page is the last.
    pub async fn list_accounts(
        &self,
        cursor: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let after = cursor.map_or(0, AccountId::get);
        let limit = limit.min(MAX_PAGE);
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM account WHERE id > ?1 ORDER BY id LIMIT ?2"
            ))?;
            let rows = statement.query_map((after, limit), from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Accounts whose e-mail address, handle or DID begins with `beginning`, in the order of their creation, after
    /// `cursor`. Case does not matter but in DIDs.
    pub async fn search_accounts(
        &self,
        beginning: &str,
        cursor: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let after = cursor.map_or(0, AccountId::get);
        let limit = limit.min(MAX_PAGE);
        // No text that begins with it sorts behind this.
        let (from, to) = (beginning.to_owned(), format!("{beginning}{}", char::MAX));
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM account
                 WHERE id > ?1 AND id IN (
                   SELECT id FROM account WHERE email >= ?2 AND email < ?3
                   UNION SELECT id FROM account WHERE handle >= ?2 AND handle < ?3
                   UNION SELECT id FROM account WHERE did >= ?2 AND did < ?3)
                 ORDER BY id LIMIT ?4"
            ))?;
            let rows = statement.query_map((after, from, to, limit), from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many accounts there are, active or not.
    pub async fn count_accounts(&self) -> Result<u64, StoreError> {
        self.read(|tx| {
            let count: i64 = tx.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
            u64::try_from(count).map_err(|_| StoreError::Damaged { what: "count" })
        })
        .await
    }

    /// Accounts that are deactivated, and nothing more, and whose deletion is due. Moderation may
    /// still want the others.
    pub async fn accounts_past_delete_after(&self, limit: u32) -> Result<Vec<Account>, StoreError> {
        let now = micros(self.clock().now());
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM account
                 WHERE delete_after <= ?1 AND deactivated_at IS NOT NULL
                   AND suspended_at IS NULL AND takedown_ref IS NULL
                 ORDER BY delete_after LIMIT ?2"
            ))?;
            let rows = statement.query_map((now, limit), from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
