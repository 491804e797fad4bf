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

/// How many accounts a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountCount {
    Exactly(u64),
    /// Of a beginning that finds so many, they are not counted to the end.
    MoreThan(u64),
}

/// Of those that begin with something, as many are counted.
const MAX_COUNTED: u32 = 1_000;

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

/// Counts all accounts of a state. Nothing but indexes is read, and the rows of those that moderation has stopped.
fn count_all_sql(status: Option<AccountStatus>) -> String {
    const ALL: &str = "SELECT count(*) FROM account";
    const STOPPED: &str = "SELECT count(*) FROM account WHERE id IN (
        SELECT id FROM account WHERE takedown_ref IS NOT NULL
        UNION SELECT id FROM account WHERE suspended_at IS NOT NULL)";
    let deactivated = format!("{ALL} WHERE deactivated_at IS NOT NULL");
    match status {
        None => ALL.to_owned(),
        Some(AccountStatus::Takendown | AccountStatus::Suspended) => {
            format!("{ALL} WHERE {}", status_is(status))
        }
        Some(AccountStatus::Deactivated) => {
            format!("SELECT ({deactivated}) - ({STOPPED} AND deactivated_at IS NOT NULL)")
        }
        Some(AccountStatus::Active) => {
            format!("SELECT ({ALL}) - ({deactivated}) - ({STOPPED} AND deactivated_at IS NULL)")
        }
    }
}

/// Counts those that begin so, up to a limit. Takes the beginning, what is behind all that begin so, and the limit.
fn count_beginning_sql(status: Option<AccountStatus>) -> String {
    let is_few = !matches!(status, None | Some(AccountStatus::Active));
    let status = status_is(status);
    let names = ["email", "handle", "did"];
    if is_few {
        // With a plus, SQLite looks at the few of a state rather than at all that begin so.
        let begins = names.map(|name| format!("(+{name} >= ?1 AND +{name} < ?2)")).join(" OR ");
        return format!(
            "SELECT count(*) FROM
             (SELECT id FROM account WHERE {status} AND ({begins}) LIMIT ?3)"
        );
    }
    let some = names.map(|name| {
        format!(
            "SELECT id FROM (SELECT id FROM account
             WHERE {name} >= ?1 AND {name} < ?2 AND {status} LIMIT ?3)"
        )
    });
    format!("SELECT count(*) FROM ({})", some.join(" UNION "))
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

    /// How many accounts there are of a state, and of those that begin with something, as [`AccountQuery::beginning`] has it.
    pub async fn count_accounts(
        &self,
        beginning: Option<String>,
        status: Option<AccountStatus>,
    ) -> Result<AccountCount, StoreError> {
        let is_search = beginning.is_some();
        let count = self.read_one(move |tx| {
            Ok::<i64, StoreError>(match beginning {
                None => {
                    tx.prepare_cached(&count_all_sql(status))?.query_row((), |row| row.get(0))?
                }
                Some(beginning) => {
                    let end = format!("{beginning}{}", char::MAX);
                    let values = (beginning, end, MAX_COUNTED + 1);
                    tx.prepare_cached(&count_beginning_sql(status))?
                        .query_row(values, |row| row.get(0))?
                }
            })
        });
        Ok(match u64::try_from(count.await?).unwrap_or(0) {
            count if is_search && count > u64::from(MAX_COUNTED) => {
                AccountCount::MoreThan(MAX_COUNTED.into())
            }
            count => AccountCount::Exactly(count),
        })
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
    use crate::accounts::testing::World;

    /// Lists of many accounts are read in the order of an index, and only as far as the page goes.
    async fn plan<V: rusqlite::Params + Send + 'static>(
        store: &Store,
        sql: String,
        values: V,
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

    const STATUSES: [Option<AccountStatus>; 5] = [
        None,
        Some(AccountStatus::Active),
        Some(AccountStatus::Deactivated),
        Some(AccountStatus::Suspended),
        Some(AccountStatus::Takendown),
    ];

    #[tokio::test]
    async fn no_count_looks_at_all_accounts() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreConfig::new(dir.path())).unwrap();
        for status in STATUSES {
            let all = plan(&store, count_all_sql(status), ()).await;
            let some = plan(&store, count_beginning_sql(status), ("a", "b", 7)).await;
            let steps = |plan: &str| plan.split("; ").map(str::to_owned).collect::<Vec<_>>();
            for step in steps(&all).iter().chain(&steps(&some)) {
                // The table itself is opened by its key alone.
                let is_index = step.contains("INDEX account_")
                    || step.contains("COVERING INDEX")
                    || step.contains("sqlite_autoindex_account")
                    || step.contains("USING INTEGER PRIMARY KEY");
                assert!(!step.contains(" account") || is_index, "{status:?}: {step}");
            }
        }
        store.close().await;
    }

    #[tokio::test]
    async fn counts_agree_with_lists() {
        let world = World::new();
        let store = &world.store;
        for (number, letter) in (0..).zip('a'..='l') {
            let id = world.account(&format!("user{letter}")).await.id;
            // Every state, and every two of them.
            if number % 2 == 0 {
                store.hide(id).await.unwrap();
            }
            if number % 3 == 0 {
                store.takedown(id, None).await.unwrap();
            }
        }
        for beginning in [None, Some("usera"), Some("did:"), Some("u"), Some("zzz")] {
            for status in STATUSES {
                let beginning = beginning.map(str::to_owned);
                let query = AccountQuery {
                    beginning: beginning.clone(),
                    status,
                    limit: 100,
                    ..AccountQuery::default()
                };
                let listed = store.find_accounts(query).await.unwrap().len() as u64;
                let counted = store.count_accounts(beginning.clone(), status).await.unwrap();
                assert_eq!(counted, AccountCount::Exactly(listed), "{beginning:?} {status:?}");
            }
        }
    }
}
