//! The check that a repository is what it says: rows against the tree, against a tree built anew,
//! and against the commit.

use cairn_identity::SigningKey;
use cairn_model::{Cid, Did, Limits, RepoPath, Tid, Value, blob_refs_lenient, cbor};
use cairn_repo::{Commit, TreeBuilder};
use rusqlite::{Connection, OptionalExtension};

use super::head::{self, Current};
use super::rows::{cid_of, rev_of};
use super::{links, scan};
use crate::accounts::{self, AccountRef};
use crate::db::reader::in_snapshot;
use crate::error::StoreError;
use crate::ids::{AccountId, RepoId};
use crate::seal::MasterKey;
use crate::store::Store;
use crate::usage;

/// Problems after which the check of one repository stops.
const MAX_PROBLEMS: usize = 100;

/// What a check has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Repositories.
    pub repos: u64,
    /// Records in them.
    pub records: u64,
    /// Nodes of their trees.
    pub nodes: u64,
    /// What is wrong.
    pub problems: Vec<RepoProblem>,
}

/// Something that is wrong with a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoProblem {
    /// Whose.
    pub did: Did,
    /// What.
    pub fault: RepoFault,
}

/// What can be wrong with a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum RepoFault {
    #[error("the account has no repository")]
    NoRepository,
    #[error("the account has no signing key")]
    NoKey,
    #[error("the commit is not {head}, or not a commit, or says something else than its row")]
    Commit { head: Cid },
    #[error("the commit's signature is not by the account's key")]
    Signature,
    #[error("the path {path:?} is not valid")]
    Path { path: String },
    #[error("the record at {path} is not {cid}")]
    Record { path: RepoPath, cid: Cid },
    #[error("the rev of {path:?} is later than the head's")]
    Rev { path: String },
    #[error("the keys cannot be the keys of a tree, from {path} on")]
    Keys { path: RepoPath },
    #[error("the node at ({lo:?}, {layer}) is not {cid}")]
    Node { lo: String, layer: u8, cid: Cid },
    #[error("there are {found} nodes, {expected} belong to the tree")]
    NodeCount { expected: u64, found: u64 },
    #[error("the root is {found}, the records give {expected}")]
    Root { expected: Cid, found: Cid },
    #[error("the blob references of {path} are not those of the record")]
    BlobRefs { path: RepoPath },
    #[error("there are {found} blob references, the records have {expected}")]
    BlobRefCount { expected: u64, found: u64 },
    #[error("the link that {path} makes is not known")]
    Link { path: RepoPath },
    #[error("there are {found} links, the records have {expected}")]
    LinkCount { expected: u64, found: u64 },
    #[error("the collections are not those of the records")]
    Collections,
    #[error("{found} records are counted, there are {expected}")]
    RecordCount { expected: u64, found: u64 },
    #[error("the {what} are counted with {found} bytes, they have {expected}")]
    Bytes { what: &'static str, expected: u64, found: u64 },
}

impl Store {
    /// Checks an account's repository, or all: what each row says, that the stored tree is the one
    /// that its records give when it is built anew, that the commit signs it, and the derived
    /// tables.
    pub async fn verify(&self, account: Option<AccountId>) -> Result<VerifyReport, StoreError> {
        let _turn = self.scans().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let opener = self.opener().clone();
        let master = self.master_key().clone();
        tokio::task::spawn_blocking(move || {
            let conn = scan::open(&opener)?;
            let accounts = match account {
                Some(account) => vec![account],
                None => all(&conn)?,
            };
            let mut report = VerifyReport::default();
            for account in accounts {
                // A snapshot for each: one for all would keep the log from beginning anew.
                in_snapshot(&conn, |tx| check_account(tx, account, &master, &mut report))?;
            }
            Ok(report)
        })
        .await
        .map_err(|_| StoreError::Closed)?
    }
}

fn all(conn: &Connection) -> Result<Vec<AccountId>, StoreError> {
    let mut statement = conn.prepare("SELECT id FROM account ORDER BY id")?;
    let ids = statement.query_map([], |row| Ok(AccountId::new(row.get(0)?)))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn check_account(
    conn: &Connection,
    id: AccountId,
    master: &MasterKey,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let Some(account) = accounts::find(conn, &AccountRef::Id(id))? else { return Ok(()) };
    report.repos += 1;
    let current = head::current(conn, id)?;
    let key = accounts::signing_key(conn, id, master)?;
    let mut check = Check { conn, faults: Vec::new(), records: 0, nodes: 0 };
    match (current, key) {
        (Some(current), Some(key)) => {
            check.commit(&account.did, &current, &key);
            check.tree(&current)?;
            check.derived(current.id)?;
            check.counters(id, current.id)?;
        }
        (None, _) => check.faults.push(RepoFault::NoRepository),
        (_, None) => check.faults.push(RepoFault::NoKey),
    }
    report.records += check.records;
    report.nodes += check.nodes;
    let did = account.did;
    let problems = check.faults.into_iter().map(|fault| RepoProblem { did: did.clone(), fault });
    report.problems.extend(problems);
    Ok(())
}

struct Check<'c> {
    conn: &'c Connection,
    faults: Vec<RepoFault>,
    records: u64,
    nodes: u64,
}

/// What the derived tables must hold.
#[derive(Default)]
struct Derived {
    blob_refs: u64,
    links: u64,
    collections: Vec<String>,
}

impl Check<'_> {
    fn commit(&mut self, did: &Did, current: &Current, key: &SigningKey) {
        let head = &current.head;
        let wrong = RepoFault::Commit { head: head.commit };
        let Ok(commit) = Commit::decode(&current.bytes) else { return self.faults.push(wrong) };
        let as_stored = Cid::cbor_of(&current.bytes) == head.commit
            && commit.did == *did
            && commit.data == head.data
            && commit.rev == head.rev;
        if !as_stored {
            self.faults.push(wrong);
        }
        if key.public().verify_strict(&commit.signing_bytes(), &commit.sig).is_err() {
            self.faults.push(RepoFault::Signature);
        }
    }

    /// Builds the tree of the records and compares it with the stored one, node by node.
    fn tree(&mut self, current: &Current) -> Result<(), StoreError> {
        let mut builder = TreeBuilder::new();
        let mut statement = self.conn.prepare_cached(
            "SELECT path, cid, rev, bytes FROM record WHERE repo = ?1 ORDER BY path",
        )?;
        let mut rows = statement.query([current.id.0])?;
        while let Some(row) = rows.next()? {
            if self.faults.len() >= MAX_PROBLEMS {
                return Ok(());
            }
            let text: String = row.get(0)?;
            let Ok(path) = RepoPath::parse(&text) else {
                self.faults.push(RepoFault::Path { path: text });
                continue;
            };
            let cid = cid_of(row.get_ref(1)?)?;
            let bytes = row.get_ref(3)?.as_blob().map_err(|_| DAMAGED)?;
            if Cid::cbor_of(bytes) != cid {
                self.faults.push(RepoFault::Record { path: path.clone(), cid });
            }
            self.rev(&text, rev_of(row.get(2)?)?, current);
            self.records += 1;
            if builder.push(&text, cid).is_err() {
                self.faults.push(RepoFault::Keys { path });
                return Ok(());
            }
            self.nodes(&mut builder, current)?;
        }
        let (root, layer) = builder.finish();
        self.nodes(&mut builder, current)?;
        if root != current.head.data || layer != current.head.layer {
            self.faults.push(RepoFault::Root { expected: root, found: current.head.data });
        }
        let found = self.count("node", current.id)?;
        if found != self.nodes {
            self.faults.push(RepoFault::NodeCount { expected: self.nodes, found });
        }
        Ok(())
    }

    fn rev(&mut self, path: &str, rev: Tid, current: &Current) {
        if rev > current.head.rev {
            self.faults.push(RepoFault::Rev { path: path.to_owned() });
        }
    }

    /// Compares the nodes that the builder has finished with their rows.
    fn nodes(&mut self, builder: &mut TreeBuilder, current: &Current) -> Result<(), StoreError> {
        for node in builder.drain_rows() {
            self.nodes += 1;
            let stored: Option<(Vec<u8>, i64, Vec<u8>)> = self
                .conn
                .prepare_cached(
                    "SELECT cid, rev, bytes FROM node WHERE repo = ?1 AND lo = ?2 AND layer = ?3",
                )?
                .query_row((current.id.0, &node.lo, node.layer), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let same = stored.is_some_and(|(cid, rev, bytes)| {
                cid == node.cid.digest()
                    && *bytes == *node.bytes
                    && rev_of(rev).is_ok_and(|rev| rev <= current.head.rev)
            });
            if !same {
                let (lo, layer, cid) = (node.lo, node.layer, node.cid);
                self.faults.push(RepoFault::Node { lo, layer, cid });
            }
        }
        Ok(())
    }

    fn count(&self, table: &str, repo: RepoId) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {table} WHERE repo = ?1");
        let count: i64 = self.conn.prepare_cached(&sql)?.query_row([repo.0], |row| row.get(0))?;
        u64::try_from(count).map_err(|_| DAMAGED)
    }

    /// Compares the counters of records and bytes with the rows.
    fn counters(&mut self, account: AccountId, repo: RepoId) -> Result<(), StoreError> {
        let expected = self.count("record", repo)?;
        let found = self.sum("record_count FROM repo WHERE id", repo.0)?;
        if found != expected {
            self.faults.push(RepoFault::RecordCount { expected, found });
        }
        let counted = usage::usage(self.conn, account)?;
        let standing = accounts::standing_of(self.conn, account)?;
        let pairs = [
            (
                "records",
                self.sum("sum(length(bytes)) FROM record WHERE repo", repo.0)?,
                counted.record_bytes,
            ),
            (
                "nodes",
                self.sum("sum(length(bytes)) FROM node WHERE repo", repo.0)?,
                counted.node_bytes,
            ),
            ("blobs", counted.blob_bytes(), standing.map_or(0, |standing| standing.blob_bytes)),
        ];
        for (what, expected, found) in pairs.into_iter().filter(|(_, a, b)| a != b) {
            self.faults.push(RepoFault::Bytes { what, expected, found });
        }
        Ok(())
    }

    fn sum(&self, what: &str, id: i64) -> Result<u64, StoreError> {
        let sql = format!("SELECT {what} = ?1");
        let sum: Option<i64> = self.conn.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?;
        u64::try_from(sum.unwrap_or(0)).map_err(|_| DAMAGED)
    }

    /// Compares blob references, links and collections with what the records say.
    fn derived(&mut self, repo: RepoId) -> Result<(), StoreError> {
        let expected = self.derive(repo)?;
        let found = self.count("blob_ref", repo)?;
        if found != expected.blob_refs {
            let expected = expected.blob_refs;
            self.faults.push(RepoFault::BlobRefCount { expected, found });
        }
        let found = self.count("backlink", repo)?;
        if found != expected.links {
            self.faults.push(RepoFault::LinkCount { expected: expected.links, found });
        }
        let mut statement = self
            .conn
            .prepare_cached("SELECT name FROM collection WHERE repo = ?1 ORDER BY name")?;
        let names =
            statement.query_map([repo.0], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let mut expected = expected.collections;
        // Paths are sorted with the slash, which does not sort like the end of a name.
        expected.sort_unstable();
        if names != expected {
            self.faults.push(RepoFault::Collections);
        }
        Ok(())
    }

    fn derive(&mut self, repo: RepoId) -> Result<Derived, StoreError> {
        let mut derived = Derived::default();
        let mut statement = self
            .conn
            .prepare_cached("SELECT path, bytes FROM record WHERE repo = ?1 ORDER BY path")?;
        let mut rows = statement.query([repo.0])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(0)?.as_str().map_err(|_| DAMAGED)?;
            let Ok(path) = RepoPath::parse(text) else { continue };
            let bytes = row.get_ref(1)?.as_blob().map_err(|_| DAMAGED)?;
            if derived.collections.last().is_none_or(|last| last != path.collection()) {
                derived.collections.push(path.collection().to_owned());
            }
            if let Some(link) = links::link_of(&path, bytes) {
                derived.links += 1;
                if !links::is_stored(self.conn, repo, &link)? {
                    self.faults.push(RepoFault::Link { path: path.clone() });
                }
            }
            derived.blob_refs += self.blob_refs(repo, &path, bytes)?;
        }
        Ok(derived)
    }

    /// Returns how many blobs a record refers to.
    fn blob_refs(
        &mut self,
        repo: RepoId,
        path: &RepoPath,
        bytes: &[u8],
    ) -> Result<u64, StoreError> {
        let Ok(value) = cbor::decode(bytes, &Limits::RECORD) else { return Ok(0) };
        let refs = distinct_blobs(&value);
        let mut statement = self
            .conn
            .prepare_cached("SELECT 1 FROM blob_ref WHERE repo = ?1 AND path = ?2 AND cid = ?3")?;
        for cid in &refs {
            if !statement.exists((repo.0, path.as_str(), cid.to_bytes()))? {
                self.faults.push(RepoFault::BlobRefs { path: path.clone() });
                break;
            }
        }
        Ok(refs.len() as u64)
    }
}

/// The blobs that a record refers to, each once.
pub(super) fn distinct_blobs(record: &Value) -> Vec<Cid> {
    let mut cids: Vec<Cid> = blob_refs_lenient(record).into_iter().map(|blob| blob.cid).collect();
    cids.sort_unstable();
    cids.dedup();
    cids
}

const DAMAGED: StoreError = StoreError::Damaged { what: "repository row" };
