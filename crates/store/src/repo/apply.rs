//! What a request changes, worked out against the tree before the tree is touched.
//!
//! Several writes of one path become one operation, since the paths of an event's operations are
//! unique: a create and a delete cancel out, a delete and a create are an update. What ends as it
//! began is no operation.

use std::collections::HashMap;

use cairn_model::{Cid, RepoPath};
use cairn_repo::frame::{Action, Op};
use cairn_repo::limits::{MAX_COMMIT_BLOCKS_BYTES, MAX_RECORD_BYTES};
use cairn_repo::{Tree, TreeError};
use rusqlite::Connection;

use super::commit::{Failure, RecordChange, RecordRow};
use super::links::{self, Link};
use super::source::Nodes;
use super::write::{
    MAX_WRITES, NewRecord, RecordWrite, WriteAction, WriteError, WriteRequest, WriteResult,
};
use crate::error::StoreError;
use crate::ids::RepoId;

/// The net effect of a request.
pub(super) struct Effect {
    pub(super) results: Vec<WriteResult>,
    /// In the order of the request.
    pub(super) ops: Vec<Op>,
    pub(super) records: Vec<RecordChange>,
}

/// The state against which a request is worked out.
pub(super) struct Before<'a> {
    pub(super) conn: &'a Connection,
    pub(super) repo: RepoId,
    pub(super) tree: &'a mut Tree,
    /// Links of commits that are not yet in the rows.
    pub(super) fresh_links: &'a [Link],
}

/// One path during the request.
struct Touched {
    path: RepoPath,
    before: Option<Cid>,
    after: Option<Cid>,
    row: Option<RecordRow>,
}

struct Plan<'a> {
    before: Before<'a>,
    touched: Vec<Touched>,
    index: HashMap<RepoPath, usize>,
    results: Vec<WriteResult>,
}

/// Works out the effect of a request. The tree loads nodes but does not change.
pub(super) fn plan(before: Before<'_>, request: &WriteRequest) -> Result<Effect, Failure> {
    let count = request.writes.len();
    if count > MAX_WRITES {
        return Err(WriteError::TooMany { count }.into());
    }
    let mut plan = Plan {
        before,
        touched: Vec::with_capacity(count),
        index: HashMap::with_capacity(count),
        results: Vec::with_capacity(count),
    };
    for write in &request.writes {
        plan.write(write, request.dedupe)?;
    }
    plan.finish()
}

impl Plan<'_> {
    fn write(&mut self, write: &RecordWrite, dedupe: bool) -> Result<(), Failure> {
        let path = &write.path;
        let now = self.now(path)?;
        let (at, current) = (now, self.touched.get(now).and_then(|touched| touched.after));
        match &write.action {
            WriteAction::Create(record) => {
                if current.is_some() {
                    return Err(WriteError::RecordExists { path: path.clone() }.into());
                }
                self.set(at, record, dedupe)
            }
            WriteAction::Update { record, swap } => {
                check_swap(path, *swap, current)?;
                if current.is_none() {
                    return Err(WriteError::RecordMissing { path: path.clone() }.into());
                }
                self.set(at, record, false)
            }
            WriteAction::Put { record, swap } => {
                check_swap(path, *swap, current)?;
                self.set(at, record, dedupe && current.is_none())
            }
            WriteAction::Delete { swap, must_exist } => {
                check_swap(path, *swap, current)?;
                if current.is_none() && *must_exist {
                    return Err(WriteError::RecordMissing { path: path.clone() }.into());
                }
                self.clear(at);
                self.results.push(WriteResult {
                    path: path.clone(),
                    action: Action::Delete,
                    cid: None,
                });
                Ok(())
            }
        }
    }

    /// Index of a path among those touched.
    fn now(&mut self, path: &RepoPath) -> Result<usize, Failure> {
        if let Some(at) = self.index.get(path) {
            return Ok(*at);
        }
        let source = Nodes { conn: self.before.conn, repo: self.before.repo };
        let cid = self.before.tree.get(&source, path.as_str()).map_err(tree_failure)?;
        let at = self.touched.len();
        self.touched.push(Touched { path: path.clone(), before: cid, after: cid, row: None });
        self.index.insert(path.clone(), at);
        Ok(at)
    }

    fn set(&mut self, at: usize, record: &NewRecord, dedupe: bool) -> Result<(), Failure> {
        let (bytes, max) = (record.bytes.len(), MAX_RECORD_BYTES);
        if bytes > max {
            return Err(WriteError::RecordTooLarge { bytes, max }.into());
        }
        let Some(path) = self.touched.get(at).map(|touched| touched.path.clone()) else {
            return Ok(());
        };
        let link = links::link_of(&path, &record.bytes);
        let mut at = at;
        if let Some(link) = link.as_ref().filter(|_| dedupe) {
            // The deletes stand before the create that replaces them.
            at = self.remove_duplicates(at, link)?;
        }
        let Some(touched) = self.touched.get_mut(at) else { return Ok(()) };
        let action = if touched.after.is_some() { Action::Update } else { Action::Create };
        touched.after = Some(record.cid);
        touched.row = Some(RecordRow {
            cid: record.cid,
            bytes: record.bytes.clone(),
            blobs: record.blobs.clone(),
            link,
        });
        self.results.push(WriteResult { path, action, cid: Some(record.cid) });
        Ok(())
    }

    fn clear(&mut self, at: usize) {
        if let Some(touched) = self.touched.get_mut(at) {
            touched.after = None;
            touched.row = None;
        }
    }

    /// Deletes the other records that make the same link. Returns where the record itself stands
    /// afterwards.
    fn remove_duplicates(&mut self, at: usize, link: &Link) -> Result<usize, Failure> {
        let mut paths = links::same_links(self.before.conn, self.before.repo, link)?;
        let same = |other: &&Link| {
            other.target == link.target && other.path.collection() == link.path.collection()
        };
        paths.extend(self.before.fresh_links.iter().filter(same).map(|other| other.path.clone()));
        let in_request =
            self.touched.iter().filter_map(|touched| touched.row.as_ref()?.link.as_ref());
        paths.extend(in_request.filter(same).map(|other| other.path.clone()));
        paths.retain(|path| *path != link.path);
        for path in paths {
            let at = self.now(&path)?;
            // A row may be older than the commits on their way: what counts is the tree, and then
            // the content.
            if self.still_links(at, link)? {
                self.clear(at);
            }
        }
        let last = self.touched.len() - 1;
        if self.touched.get(at).is_some_and(|touched| touched.before.is_none()) && at != last {
            let own = self.touched.remove(at);
            self.touched.push(own);
            self.index =
                self.touched.iter().enumerate().map(|(at, t)| (t.path.clone(), at)).collect();
            return Ok(last);
        }
        Ok(at)
    }

    /// Whether the record at this place exists and makes this link.
    fn still_links(&self, at: usize, link: &Link) -> Result<bool, StoreError> {
        let Some(touched) = self.touched.get(at) else { return Ok(false) };
        let Some(cid) = touched.after else { return Ok(false) };
        if let Some(row) = &touched.row {
            return Ok(row.link.as_ref().is_some_and(|own| own.target == link.target));
        }
        let fresh = |other: &&Link| other.path == touched.path;
        if let Some(own) = self.before.fresh_links.iter().rev().find(fresh) {
            return Ok(own.target == link.target);
        }
        // The row that the backlink was read from, unless a commit on its way has put another
        // record there.
        let stored = self
            .before
            .conn
            .prepare_cached("SELECT 1 FROM record WHERE repo = ?1 AND path = ?2 AND cid = ?3")?
            .exists((self.before.repo.0, touched.path.as_str(), cid.digest()))?;
        Ok(stored)
    }

    fn finish(self) -> Result<Effect, Failure> {
        let changed: Vec<Touched> =
            self.touched.into_iter().filter(|touched| touched.before != touched.after).collect();
        if changed.len() > MAX_WRITES {
            return Err(WriteError::TooMany { count: changed.len() }.into());
        }
        let bytes: usize =
            changed.iter().filter_map(|touched| Some(touched.row.as_ref()?.bytes.len())).sum();
        let max = MAX_COMMIT_BLOCKS_BYTES;
        if bytes > max {
            return Err(WriteError::TooLarge { bytes, max }.into());
        }
        let ops = changed.iter().map(op).collect();
        let records = changed
            .into_iter()
            .map(|touched| RecordChange {
                path: touched.path,
                existed: touched.before.is_some(),
                after: touched.row,
            })
            .collect();
        Ok(Effect { results: self.results, ops, records })
    }
}

fn op(touched: &Touched) -> Op {
    let action = match (touched.before, touched.after) {
        (None, _) => Action::Create,
        (Some(_), Some(_)) => Action::Update,
        (Some(_), None) => Action::Delete,
    };
    Op { action, path: touched.path.clone(), cid: touched.after, prev: touched.before }
}

fn check_swap(
    path: &RepoPath,
    swap: Option<Option<Cid>>,
    current: Option<Cid>,
) -> Result<(), WriteError> {
    match swap {
        Some(expected) if expected != current => {
            Err(WriteError::InvalidSwapRecord { path: path.clone(), current })
        }
        _ => Ok(()),
    }
}

/// Applies operations to the tree.
pub(super) fn apply(
    conn: &Connection,
    repo: RepoId,
    tree: &mut Tree,
    ops: &[Op],
) -> Result<(), Failure> {
    let source = Nodes { conn, repo };
    for op in ops {
        let key = op.path.as_str();
        match op.cid {
            Some(cid) if op.prev.is_none() => tree.insert(&source, key, cid),
            Some(cid) => tree.update(&source, key, cid),
            None => tree.delete(&source, key),
        }
        .map_err(tree_failure)?;
    }
    Ok(())
}

/// What an error of the tree means for a request.
pub(super) fn tree_failure(err: TreeError<StoreError>) -> Failure {
    match err {
        TreeError::NodeFull => WriteError::TreeFull.into(),
        TreeError::Source(err) => err.into(),
        // Rows that do not fit the tree, which a reload cures, or damaged ones: then the worker that
        // has just loaded them says so.
        TreeError::Missing { .. } => Failure::Stale,
        TreeError::Key(_)
        | TreeError::Node { .. }
        | TreeError::KeyExists { .. }
        | TreeError::KeyMissing { .. }
        | TreeError::Uncommitted => StoreError::Damaged { what: "tree" }.into(),
    }
}
