//! A repository that a worker keeps warm, and how its next commit is made.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use cairn_identity::SigningKey;
use cairn_model::{Cid, Datetime, Did, TidClock};
use cairn_repo::frame::{self, CommitEvent};
use cairn_repo::limits::MAX_COMMIT_BLOCKS_BYTES;
use cairn_repo::{Changes, Tree, car};
use jiff::Timestamp;
use rusqlite::Connection;

use super::apply::{self, Before, Effect, tree_failure};
use super::blobs;
use super::chain::Chain;
use super::commit::{Basis, Failure, Prepared, RecordChange};
use super::head::{self, Head};
use super::links::Link;
use super::source::Nodes;
use super::write::{CommitMeta, WriteError, WriteOutcome, WriteRequest};
use crate::accounts::{self, AccountRef};
use crate::db::reader::in_snapshot;
use crate::error::StoreError;
use crate::ids::{AccountId, RepoId};
use crate::seal::MasterKey;

/// Nodes in memory at which a worker waits for the commits on their way, so that it can prune.
const MAX_NODES: usize = 8_192;

/// Links of commits on their way at which a worker waits for them: each new link is compared with
/// all.
const MAX_FRESH_LINKS: usize = 256;

/// A repository in memory: what its next commit needs.
pub(super) struct Warm {
    pub(super) account: AccountId,
    repo: RepoId,
    did: Did,
    key: SigningKey,
    pub(super) head: Head,
    tree: Tree,
    pub(super) chain: Arc<Chain>,
    /// The tree is not what `head` says: load it again.
    pub(super) chain_broken: bool,
    /// Links of commits on their way.
    fresh_links: Vec<Link>,
}

impl Warm {
    /// Reads the repository of an account that may write.
    pub(super) fn load(conn: &Connection, did: &Did, master: &MasterKey) -> Result<Warm, Failure> {
        in_snapshot(conn, |tx| {
            let account =
                accounts::find(tx, &AccountRef::Did(did.clone()))?.ok_or(WriteError::NoAccount)?;
            if !account.is_active() {
                return Err(WriteError::Inactive(account.status()).into());
            }
            let current = head::current(tx, account.id)?.ok_or(WriteError::NoAccount)?;
            let key = accounts::signing_key(tx, account.id, master)?
                .ok_or(StoreError::Damaged { what: "signing key" })?;
            Ok(Warm {
                account: account.id,
                repo: current.id,
                did: did.clone(),
                key,
                tree: Tree::from_root(current.head.data, current.head.layer),
                head: current.head,
                chain: Arc::default(),
                chain_broken: false,
                fresh_links: Vec::new(),
            })
        })
    }

    /// What an answer rests on that is given now.
    pub(super) fn basis(&self) -> Basis {
        Basis { account: self.account, repo: self.repo, head: self.head.commit }
    }

    /// What a request changes. The tree stays as it is.
    pub(super) fn plan(
        &mut self,
        conn: &Connection,
        request: &WriteRequest,
        keep_nodes: usize,
    ) -> Result<Effect, Failure> {
        self.prune(keep_nodes);
        if self.fresh_links.len() > MAX_FRESH_LINKS {
            self.chain.wait();
        }
        if !self.fresh_links.is_empty() && self.chain.is_settled() {
            self.fresh_links.clear();
        }
        let before =
            Before { conn, repo: self.repo, tree: &mut self.tree, fresh_links: &self.fresh_links };
        apply::plan(before, request)
    }

    /// Makes the commit. After an error the tree is not usable any more.
    pub(super) fn commit(
        &mut self,
        conn: &Connection,
        now: Timestamp,
        clock_id: u16,
        effect: Effect,
    ) -> Result<Prepared, Failure> {
        let Effect { results, ops, records } = effect;
        apply::apply(conn, self.repo, &mut self.tree, &ops)?;
        let nodes = self.tree.commit();
        let source = Nodes { conn, repo: self.repo };
        let proof = self
            .tree
            .covering_proof(&source, ops.iter().map(|op| op.path.as_str()))
            .map_err(tree_failure)?;
        let before = self.head;
        // A generator of its own: one that is shared would carry a rev from the future to every
        // repository.
        let micros = u64::try_from(now.as_microsecond()).unwrap_or(0);
        let rev = TidClock::new(clock_id).next_after(Some(before.rev), micros);
        let (head, commit) = head::sign(&self.did, nodes.root, nodes.layer, rev, &self.key);
        let blocks = blocks(&head.commit, &commit, &nodes, &proof, &records);
        if blocks.len() > MAX_COMMIT_BLOCKS_BYTES {
            let (bytes, max) = (blocks.len(), MAX_COMMIT_BLOCKS_BYTES);
            return Err(WriteError::TooLarge { bytes, max }.into());
        }
        let frame = frame::commit(&CommitEvent {
            repo: &self.did,
            commit: head.commit,
            rev,
            since: Some(before.rev),
            prev_data: Some(before.data),
            ops: &ops,
            blocks: &blocks,
            time: Datetime::from_timestamp(now).as_str(),
        });
        self.head = head;
        let links = records.iter().filter_map(|record| record.after.as_ref()?.link.clone());
        self.fresh_links.extend(links);
        let meta = CommitMeta { cid: head.commit, rev };
        Ok(Prepared {
            account: self.account,
            repo: self.repo,
            before: before.commit,
            head,
            commit,
            records,
            nodes,
            frame,
            outcome: WriteOutcome { commit: Some(meta), results },
        })
    }

    /// Forgets nodes that can be read again: only when all commits so far are durable, for until
    /// then the rows are older than the tree.
    fn prune(&mut self, keep: usize) {
        let loaded = self.tree.loaded_nodes();
        if loaded > MAX_NODES {
            self.chain.wait();
        }
        if loaded > keep.saturating_mul(2) && self.chain.is_settled() {
            self.tree.prune(keep);
        }
    }
}

/// Checks the blobs that new records refer to, before anything is built.
pub(super) fn check_blobs(
    conn: &Connection,
    account: AccountId,
    records: &[RecordChange],
) -> Result<(), WriteError> {
    for row in records.iter().filter_map(|record| record.after.as_ref()) {
        for blob in &row.blobs {
            blobs::check(conn, account, blob)?;
        }
    }
    Ok(())
}

/// The blocks of the event: commit, new nodes, nodes that the inversion needs, new records. Each
/// once.
fn blocks(
    cid: &Cid,
    commit: &[u8],
    nodes: &Changes,
    proof: &[(Cid, Bytes)],
    records: &[RecordChange],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    car::write_header(std::slice::from_ref(cid), &mut out);
    car::write_block(cid, commit, &mut out);
    let mut seen = HashSet::with_capacity(nodes.upserts.len() + proof.len() + records.len());
    for (cid, bytes) in proof {
        if seen.insert(*cid) {
            car::write_block(cid, bytes, &mut out);
        }
    }
    for node in &nodes.upserts {
        if seen.insert(node.cid) {
            car::write_block(&node.cid, &node.bytes, &mut out);
        }
    }
    for row in records.iter().filter_map(|record| record.after.as_ref()) {
        if seen.insert(row.cid) {
            car::write_block(&row.cid, &row.bytes, &mut out);
        }
    }
    out
}
