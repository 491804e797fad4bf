//! The head of a repository: where it starts, how it is signed anew, how it ends.
//!
//! These run inside the writer. A worker that holds the repository notices before its next answer,
//! which rests on a head that is then not the current one, and reads the repository anew.

use cairn_identity::SigningKey;
use cairn_model::{Cid, Datetime, Did, Tid, TidClock};
use cairn_repo::frame::{self, CommitEvent};
use cairn_repo::{UnsignedCommit, car, empty_root};
use rusqlite::Connection;

use super::rows::{cid_of, rev_of, rev_row};
use crate::accounts::{self, AccountRef};
use crate::db::WriteTx;
use crate::error::StoreError;
use crate::events::EventKind;
use crate::ids::{AccountId, RepoId};
use crate::store::Store;

/// Where a repository stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// CID of the signed commit.
    pub commit: Cid,
    /// Its rev.
    pub rev: Tid,
    /// CID of the tree's root.
    pub data: Cid,
    /// Layer of the tree's root.
    pub(crate) layer: u8,
}

/// The current generation of a repository.
pub(crate) struct Current {
    pub(crate) id: RepoId,
    pub(crate) head: Head,
    /// The rev with which this generation began. Since an earlier one, everything has changed.
    pub(crate) first_rev: Tid,
    /// The commit block.
    pub(crate) bytes: Vec<u8>,
}

/// The current generation of an account's repository.
pub(crate) fn current(
    conn: &Connection,
    account: AccountId,
) -> Result<Option<Current>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, head, rev, data, layer, bytes, first_rev FROM repo
         WHERE account = ?1 AND state = 1",
    )?;
    let mut rows = statement.query([account.get()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Current {
        id: RepoId(row.get(0)?),
        head: Head {
            commit: cid_of(row.get_ref(1)?)?,
            rev: rev_of(row.get(2)?)?,
            data: cid_of(row.get_ref(3)?)?,
            layer: row.get(4)?,
        },
        bytes: row.get(5)?,
        first_rev: rev_of(row.get(6)?)?,
    }))
}

/// Makes the empty repository of a new account. Emits nothing.
pub(crate) fn create(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    did: &Did,
    key: &SigningKey,
) -> Result<Head, StoreError> {
    let (data, node) = empty_root();
    let (head, bytes) = sign(did, data, 0, next_rev(tx, None), key);
    let repo = insert(tx, account, State::Current, &head, &bytes, node.len())?;
    tx.prepare_cached(
        "INSERT INTO tree (repo, key, layer, cid, rev, bytes) VALUES (?1, '', 0, ?2, ?3, ?4)",
    )?
    .execute((repo.0, data.digest(), rev_row(head.rev), node.as_ref()))?;
    Ok(head)
}

/// Signs the present tree anew under `key`, with a higher rev. Emits nothing. Returns the new head
/// and the one before; none when the account has no repository.
pub(crate) fn recommit(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    did: &Did,
    key: &SigningKey,
) -> Result<Option<(Head, Head)>, StoreError> {
    let Some(before) = current(tx, account)? else { return Ok(None) };
    let rev = next_rev(tx, Some(before.head.rev));
    let (head, bytes) = sign(did, before.head.data, before.head.layer, rev, key);
    tx.prepare_cached("UPDATE repo SET head = ?2, rev = ?3, bytes = ?4 WHERE id = ?1")?
        .execute((before.id.0, head.commit.digest(), rev_row(rev), bytes))?;
    Ok(Some((head, before.head)))
}

/// Emits the `#commit` without operations of the present head. `before` is the head that consumers
/// know; none for the first commit of an account.
pub(crate) fn emit_commit(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    did: &Did,
    before: Option<&Head>,
) -> Result<(), StoreError> {
    let Some(current) = current(tx, account)? else { return Ok(()) };
    let head = &current.head;
    let root: Vec<u8> = tx
        .prepare_cached("SELECT bytes FROM node WHERE repo = ?1 AND lo = '' AND layer = ?2")?
        .query_row((current.id.0, head.layer), |row| row.get(0))?;
    let blocks = car::to_vec(&head.commit, [(&head.commit, &*current.bytes), (&head.data, &*root)]);
    let frame = frame::commit(&CommitEvent {
        repo: did,
        commit: head.commit,
        rev: head.rev,
        since: before.map(|head| head.rev),
        prev_data: before.map(|head| head.data),
        ops: &[],
        blocks: &blocks,
        time: Datetime::from_timestamp(tx.now()).as_str(),
    });
    tx.emit(account, EventKind::Commit, frame)?;
    Ok(())
}

/// Emits the `#sync` of the present head: consumers take it as the state, whatever they knew.
pub(crate) fn emit_sync(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    did: &Did,
) -> Result<(), StoreError> {
    let Some(current) = current(tx, account)? else { return Ok(()) };
    let head = &current.head;
    let blocks = car::to_vec(&head.commit, [(&head.commit, &*current.bytes)]);
    let time = Datetime::from_timestamp(tx.now());
    let frame = frame::sync(did, head.rev, &blocks, time.as_str());
    tx.emit(account, EventKind::Sync, frame)?;
    Ok(())
}

/// Takes the repository away from its account, and hides the events that it has emitted so far; the
/// rows go in the background. Emit `#account` after it.
pub(crate) fn retire(tx: &mut WriteTx<'_>, account: AccountId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE repo SET state = 2 WHERE account = ?1")?.execute([account.get()])?;
    tx.prepare_cached("DELETE FROM record_takedown WHERE account = ?1")?
        .execute([account.get()])?;
    tx.hide_events(account)
}

/// The state of a generation, as stored.
#[derive(Clone, Copy)]
pub(crate) enum State {
    Staged = 0,
    Current = 1,
}

/// Adds a generation whose tree takes so many bytes.
pub(crate) fn insert(
    tx: &WriteTx<'_>,
    account: AccountId,
    state: State,
    head: &Head,
    bytes: &[u8],
    node_bytes: usize,
) -> Result<RepoId, StoreError> {
    let id = tx
        .prepare_cached(
            "INSERT INTO repo (account, state, head, rev, first_rev, data, layer, bytes, node_bytes)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)",
        )?
        .insert((
            account.get(),
            state as i64,
            head.commit.digest(),
            rev_row(head.rev),
            head.data.digest(),
            head.layer,
            bytes,
            i64::try_from(node_bytes).unwrap_or(i64::MAX),
        ))?;
    Ok(RepoId(id))
}

/// Whether a generation is still being filled: the end of its account ends that too.
pub(crate) fn is_staged(tx: &WriteTx<'_>, repo: RepoId) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached("SELECT 1 FROM repo WHERE id = ?1 AND state = 0")?.exists([repo.0])?)
}

impl Store {
    /// Signs an account's repository anew, with a higher rev and the same content, and announces
    /// it: after its signing key has changed. None when there is no such account.
    pub async fn recommit(&self, did: &Did) -> Result<Option<Head>, StoreError> {
        let (did, master) = (did.clone(), self.master_key().clone());
        self.write_tx(move |tx| {
            let Some(account) = accounts::find(tx, &AccountRef::Did(did.clone()))? else {
                return Ok(None);
            };
            let key = accounts::signing_key(tx, account.id, &master)?
                .ok_or(StoreError::Damaged { what: "signing key" })?;
            let Some((head, before)) = recommit(tx, account.id, &did, &key)? else {
                return Ok(None);
            };
            if account.is_active() {
                emit_commit(tx, account.id, &did, Some(&before))?;
            }
            Ok(Some(head))
        })
        .await
    }
}

/// A commit of this tree and its block.
pub(crate) fn sign(did: &Did, data: Cid, layer: u8, rev: Tid, key: &SigningKey) -> (Head, Vec<u8>) {
    let unsigned = UnsignedCommit { did: did.clone(), data, rev };
    let signature = key.sign(&unsigned.signing_bytes());
    let bytes = unsigned.sign_with(signature).encode();
    (Head { commit: Cid::cbor_of(&bytes), rev, data, layer }, bytes)
}

pub(crate) fn next_rev(tx: &WriteTx<'_>, before: Option<Tid>) -> Tid {
    let micros = u64::try_from(tx.now_micros()).unwrap_or(0);
    TidClock::new(0).next_after(before, micros)
}
