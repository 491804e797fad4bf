//! The accounts that were looked up last, and the keys that were used last.
//!
//! A change drops the entry after its commit and before its caller is answered. A reader may hold
//! a row from a snapshot older than that: it may only add it if nothing was dropped since it began.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_identity::SigningKey;
use cairn_model::{Did, Handle};
use lru::LruCache;

use super::{Account, AccountRef};
use crate::AccountId;

/// About 0.5 KiB each.
const ENTRIES: usize = 16_384;
/// To unseal a key takes longer than to sign with it. Few are kept, since they are secrets.
const KEYS: usize = 1_024;

/// Accounts by id, and the ids behind names. Names are only hints: an entry counts when the
/// account it leads to still bears the name.
#[derive(Clone)]
pub(crate) struct AccountCache {
    entries: Arc<Mutex<Entries>>,
}

struct Entries {
    accounts: LruCache<AccountId, Arc<Account>>,
    dids: LruCache<Did, AccountId>,
    handles: LruCache<Handle, AccountId>,
    keys: LruCache<AccountId, SigningKey>,
    dropped: u64,
}

/// How many entries had been dropped when a reader began.
#[derive(Clone, Copy)]
pub(crate) struct CacheMark(u64);

impl AccountCache {
    pub(crate) fn new() -> Self {
        let entries = NonZeroUsize::new(ENTRIES).expect("the number of entries is not zero");
        let keys = NonZeroUsize::new(KEYS).expect("the number of keys is not zero");
        Self {
            entries: Arc::new(Mutex::new(Entries {
                accounts: LruCache::new(entries),
                dids: LruCache::new(entries),
                handles: LruCache::new(entries),
                keys: LruCache::new(keys),
                dropped: 0,
            })),
        }
    }

    /// The account if it is here, else the mark to hand to [`insert`](Self::insert).
    pub(super) fn get(&self, name: &AccountRef) -> Result<Arc<Account>, CacheMark> {
        let mut entries = self.lock();
        entries.find(name).ok_or(CacheMark(entries.dropped))
    }

    /// Keeps an account that was read after `mark` was taken.
    pub(super) fn insert(&self, account: &Arc<Account>, mark: CacheMark) {
        let mut entries = self.lock();
        if entries.dropped != mark.0 {
            return;
        }
        entries.accounts.put(account.id, Arc::clone(account));
        entries.dids.put(account.did.clone(), account.id);
        if let Some(handle) = &account.handle {
            entries.handles.put(handle.clone(), account.id);
        }
    }

    /// The account's key if it is here, else the mark to hand to [`insert_key`](Self::insert_key).
    pub(super) fn key(&self, id: AccountId) -> Result<SigningKey, CacheMark> {
        let mut entries = self.lock();
        entries.keys.get(&id).cloned().ok_or(CacheMark(entries.dropped))
    }

    /// Keeps a key that was read after `mark` was taken.
    pub(super) fn insert_key(&self, id: AccountId, key: &SigningKey, mark: CacheMark) {
        let mut entries = self.lock();
        if entries.dropped == mark.0 {
            entries.keys.put(id, key.clone());
        }
    }

    pub(crate) fn drop_account(&self, id: AccountId) {
        let mut entries = self.lock();
        entries.dropped += 1;
        entries.accounts.pop(&id);
        entries.keys.pop(&id);
    }

    /// The entries are valid between any two statements, so a panic elsewhere does no harm.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn find(&mut self, name: &AccountRef) -> Option<Arc<Account>> {
        let id = match name {
            AccountRef::Id(id) => *id,
            AccountRef::Did(did) => *self.dids.get(did)?,
            AccountRef::Handle(handle) => *self.handles.get(handle)?,
            AccountRef::Email(_) => return None,
        };
        let account = self.accounts.get(&id)?;
        let bears_name = match name {
            AccountRef::Did(did) => account.did == *did,
            AccountRef::Handle(handle) => account.handle.as_ref() == Some(handle),
            AccountRef::Id(_) | AccountRef::Email(_) => true,
        };
        bears_name.then(|| Arc::clone(account))
    }
}
