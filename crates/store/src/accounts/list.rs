//! Accounts in pages, for administration and for jobs.

use super::columns::{micros, opt_bytes};
use super::lookup::{COLUMNS, from_row};
use super::{Account, AccountStatus};
use crate::{AccountId, Store, StoreError};

/// More than this does not go in one page.
const MAX_PAGE: u32 = 1_000;

/// Which accounts to list, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// Only those whose e-mail address, handle or DID begins so. Case does not matter but in DIDs.
    pub beginning: Option<String>,
    pub status: Option<AccountStatus>,
    pub order: AccountOrder,
    /// The last account of the page before.
    pub after: Option<AccountId>,
    pub limit: u32,
}

impl AccountQuery {
    /// What somebody types to find accounts, as [`AccountQuery::beginning`].
    #[must_use]
    pub fn beginning_of(typed: &str) -> Option<String> {
        let sought = typed.trim().trim_start_matches('@');
        (!sought.is_empty()).then(|| sought.to_owned())
    }

    /// Takes the beginning, what is behind all that begin so, the account before, and the limit.
    fn sql(&self) -> String {
        let are_few = !matches!(self.status, None | Some(AccountStatus::Active));
        let is_any = self.beginning.as_deref().unwrap_or_default().is_empty();
        format!(
            "SELECT {COLUMNS}, blob_bytes FROM account WHERE {} AND {} AND {} ORDER BY {} LIMIT ?4",
            if is_any { "?1 <> ?2" } else { BEGINS },
            status_is(self.status),
            self.after.map_or("?3 = 0", |_| self.order.after(are_few)),
            self.order.by(are_few),
        )
    }
}

/// The order of a list of accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountOrder {
    #[default]
    Oldest,
    Newest,
    /// Those with the most bytes of blobs first.
    Largest,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    pub account: Account,
    /// What its blobs take.
    pub blob_bytes: u64,
}

impl AccountOrder {
    /// With a plus, SQLite sorts the few accounts of a state rather than look through all in this order.
    fn by(self, are_few: bool) -> &'static str {
        match (self, are_few) {
            (Self::Oldest, _) => "id",
            (Self::Newest, _) => "id DESC",
            (Self::Largest, false) => "blob_bytes DESC, id DESC",
            (Self::Largest, true) => "+blob_bytes DESC, id DESC",
        }
    }

    /// What comes after the account `?3`.
    fn after(self, are_few: bool) -> &'static str {
        match (self, are_few) {
            (Self::Oldest, _) => "id > ?3",
            (Self::Newest, _) => "id < ?3",
            (Self::Largest, true) => {
                "(+blob_bytes, id) < (SELECT before.blob_bytes, before.id FROM account AS before WHERE before.id = ?3)"
            }
            (Self::Largest, false) => {
                "(blob_bytes, id) < (SELECT before.blob_bytes, before.id FROM account AS before WHERE before.id = ?3)"
            }
        }
    }
}

/// No text that begins with `?1` sorts behind `?2`.
const BEGINS: &str = "id IN (SELECT id FROM account WHERE email >= ?1 AND email < ?2
    UNION SELECT id FROM account WHERE handle >= ?1 AND handle < ?2
    UNION SELECT id FROM account WHERE did >= ?1 AND did < ?2)";

/// As [`Account::status`] has it.
fn status_is(status: Option<AccountStatus>) -> &'static str {
    match status {
        None => "true",
        Some(AccountStatus::Takendown) => "takedown_ref IS NOT NULL",
        Some(AccountStatus::Suspended) => "suspended_at IS NOT NULL AND takedown_ref IS NULL",
        Some(AccountStatus::Deactivated) => {
            "deactivated_at IS NOT NULL AND suspended_at IS NULL AND takedown_ref IS NULL"
        }
        Some(AccountStatus::Active) => {
            "takedown_ref IS NULL AND suspended_at IS NULL AND deactivated_at IS NULL"
        }
    }
}

/// With a plus, SQLite sorts the few whose time is over rather than look through all that are deactivated.
fn due_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM account
         WHERE delete_after <= ?1 AND deactivated_at IS NOT NULL
           AND suspended_at IS NULL AND takedown_ref IS NULL
           AND arriving = ?2 AND +id > ?3
         ORDER BY +id LIMIT ?4"
    )
}

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

    /// Accounts that fit, in an order, after one; an empty page is surely the last.
    pub async fn find_accounts(
        &self,
        query: AccountQuery,
    ) -> Result<Vec<ListedAccount>, StoreError> {
        let sql = query.sql();
        let beginning = query.beginning.unwrap_or_default();
        let end = format!("{beginning}{}", char::MAX);
        let after = query.after.map_or(0, AccountId::get);
        let limit = query.limit.min(MAX_PAGE);
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(&sql)?;
            let rows = statement.query_map((beginning, end, after, limit), |row| {
                let blob_bytes = opt_bytes(row, "blob_bytes")?.unwrap_or(0);
                Ok(ListedAccount { account: from_row(row)?, blob_bytes })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Accounts that are deactivated, and nothing more, and whose deletion is due at their owners' wish. Moderation may
    /// still want the others.
    pub async fn accounts_past_delete_after(&self, limit: u32) -> Result<Vec<Account>, StoreError> {
        self.due_accounts(false, None, limit).await
    }

    /// The same of those that were brought along and have not lived here yet, in the order of their creation after one.
    /// They are not deleted by [`Store::tidy`]: whether one is forgotten, or lives here and only waits to be activated, its
    /// DID document says.
    pub async fn arrivals_past_delete_after(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        self.due_accounts(true, after, limit).await
    }

    async fn due_accounts(
        &self,
        arriving: bool,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let (now, after) = (micros(self.clock().now()), after.map_or(0, AccountId::get));
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(&due_sql())?;
            let rows = statement.query_map((now, arriving, after, limit), from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreConfig;

    /// Lists of many accounts are read in the order of an index, and only as far as the page goes.
    async fn plan(
        store: &Store,
        sql: String,
        values: (&'static str, &'static str, i64, i64),
    ) -> String {
        let plan: Vec<String> = store
            .read_one(move |tx| {
                let mut statement = tx.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let rows = statement.query_map(values, |row| row.get(3))?;
                Ok::<_, StoreError>(rows.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap();
        plan.join("; ")
    }

    /// It is asked every few minutes, and hardly anybody's time is over.
    #[tokio::test]
    async fn whose_time_is_over_is_read_from_the_index_of_dates() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreConfig::new(dir.path())).unwrap();
        let plan = plan(&store, due_sql(), ("1", "0", 7, 50)).await;
        assert!(plan.starts_with("SEARCH account USING INDEX account_delete_after"), "{plan}");
        store.close().await;
    }

    #[tokio::test]
    async fn no_list_sorts_all_accounts() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreConfig::new(dir.path())).unwrap();
        for order in [AccountOrder::Oldest, AccountOrder::Newest, AccountOrder::Largest] {
            for after in [None, Some(AccountId::new(7))] {
                let query = AccountQuery { order, after, limit: 50, ..AccountQuery::default() };
                let plan = plan(&store, query.sql(), ("", "x", 7, 50)).await;
                assert!(!plan.contains("TEMP B-TREE"), "{order:?} {after:?}: {plan}");
            }
        }
        store.close().await;
    }
}
