//! All repositories of the server, in pages.

use cairn_model::{Did, Nsid};
use rusqlite::{Connection, Params, Row};

use super::head::Head;
use super::rows::{cid_of, rev_of};
use crate::accounts::{self, AccountStatus};
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::store::Store;

/// A repository in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRepo {
    /// Whose.
    pub account: AccountId,
    /// Whose.
    pub did: Did,
    /// Where it stands.
    pub head: Head,
    /// The state of the account.
    pub status: AccountStatus,
}

/// A page of repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoPage {
    /// In the order of their creation.
    pub repos: Vec<ListedRepo>,
    /// Where to go on; none on the last page.
    pub cursor: Option<String>,
}

impl Store {
    /// Repositories in the order in which the accounts came, inactive ones included. A cursor that
    /// is none of ours starts anew.
    pub async fn list_repos(
        &self,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<RepoPage, StoreError> {
        let after = place(cursor);
        self.read(move |tx| {
            let sql = "SELECT account.id, account.did, repo.head, repo.rev, repo.data, repo.layer, account.id
                FROM account JOIN repo ON repo.account = account.id AND repo.state = 1
                WHERE account.id > ?1 ORDER BY account.id LIMIT ?2";
            page(tx, sql, (after, limit), limit)
        })
        .await
    }

    /// Repositories with at least one record in `collection`, inactive ones included.
    pub async fn list_repos_by_collection(
        &self,
        collection: &Nsid,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<RepoPage, StoreError> {
        let after = place(cursor);
        let collection = collection.clone();
        self.read(move |tx| {
            let sql = "SELECT account.id, account.did, repo.head, repo.rev, repo.data, repo.layer, repo.id
                FROM collection JOIN repo ON repo.id = collection.repo AND repo.state = 1
                JOIN account ON account.id = repo.account
                WHERE collection.name = ?1 AND collection.repo > ?2
                ORDER BY collection.repo LIMIT ?3";
            page(tx, sql, (collection.as_str(), after, limit), limit)
        })
        .await
    }
}

fn place(cursor: Option<String>) -> i64 {
    cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0)
}

fn page(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    limit: u32,
) -> Result<RepoPage, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut repos = Vec::new();
    let mut last = 0i64;
    while let Some(row) = rows.next()? {
        repos.push(listed(conn, row)?);
        last = row.get(6)?;
    }
    let full = u32::try_from(repos.len()).is_ok_and(|count| count >= limit);
    let cursor = (full && !repos.is_empty()).then(|| last.to_string());
    Ok(RepoPage { repos, cursor })
}

fn listed(conn: &Connection, row: &Row<'_>) -> Result<ListedRepo, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged { what: "account" };
    let account = AccountId::new(row.get(0)?);
    let did = row.get_ref(1)?.as_str().map_err(|_| DAMAGED)?;
    Ok(ListedRepo {
        account,
        did: Did::parse(did).map_err(|_| DAMAGED)?,
        head: Head {
            commit: cid_of(row.get_ref(2)?)?,
            rev: rev_of(row.get(3)?)?,
            data: cid_of(row.get_ref(4)?)?,
            layer: row.get(5)?,
        },
        status: accounts::status_of(conn, account)?.ok_or(DAMAGED)?,
    })
}
