//! The change of an account's signing key.
//!
//! The account signs with its key until the DID document names another one. A key is kept here before it is published, so
//! that no crash leaves a document that names a key which nobody holds; all that were tried are kept until the account
//! signs with one of them, because an operation that got no answer may still arrive at the directory.

use cairn_identity::{Curve, DidKey, SigningKey};
use cairn_model::Did;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::columns::micros;
use super::events::emit_identity;
use super::{Account, AccountRef, NoAccount, keys};
use crate::db::WriteTx;
use crate::seal::MasterKey;
use crate::{AccountId, Head, Store, StoreError, repo};

const PENDING_PURPOSE: &str = "pending signing key";

/// Why an account cannot have a key.
#[derive(Debug, thiserror::Error)]
pub enum PrepareKeyError {
    /// The private half is not here, or waits for somebody else.
    #[error("the key is not held for this account")]
    NotHeld,
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an account did not change its key.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeyError {
    /// It was not prepared for the account.
    #[error("the key was not prepared")]
    NotPrepared,
    #[error(transparent)]
    NoAccount(#[from] NoAccount),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Keeps a key that the account's DID document shall name, and returns its public half.
    ///
    /// `wanted` is the account's own key, one that was prepared before, or one that was reserved for its DID or for
    /// nobody. Without it, a new key is made.
    pub async fn prepare_signing_key(
        &self,
        account: impl Into<AccountRef>,
        wanted: Option<DidKey>,
    ) -> Result<DidKey, PrepareKeyError> {
        let master = self.master_key().clone();
        let fresh = SigningKey::generate(Curve::K256);
        self.change_account(account, move |tx, account| {
            let key = match &wanted {
                None => fresh.clone(),
                Some(wanted) => {
                    held(tx, account, wanted, &master)?.ok_or(PrepareKeyError::NotHeld)?
                }
            };
            insert(tx, account, &key, &master)?;
            Ok(key.did_key())
        })
        .await
    }

    /// The keys that the account's document may come to name, with the instants at which they were prepared.
    pub async fn pending_signing_keys(
        &self,
        account: AccountId,
    ) -> Result<Vec<(DidKey, Timestamp)>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT did_key, created_at FROM pending_key WHERE account = ?1 ORDER BY created_at",
            )?;
            let rows = statement.query_map([account.get()], |row| {
                Ok((super::columns::parsed(row, 0)?, super::columns::instant(row.get(1)?)))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The accounts with such keys.
    pub async fn accounts_changing_keys(&self) -> Result<Vec<AccountId>, StoreError> {
        self.read(|tx| {
            let mut statement = tx.prepare_cached("SELECT DISTINCT account FROM pending_key")?;
            let rows = statement.query_map([], |row| Ok(AccountId::new(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Forgets keys that were prepared before an instant and that the document will not name.
    pub async fn forget_pending_keys(
        &self,
        account: AccountId,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_tx(move |tx| {
            tx.prepare_cached("DELETE FROM pending_key WHERE account = ?1 AND created_at < ?2")?
                .execute((account.get(), micros(before)))?;
            Ok(())
        })
        .await
    }

    /// Has the account sign with a prepared key, which its DID document names: the repository is signed anew, with a
    /// higher rev, and `#identity` and, for an active account, `#sync` follow. Everything is one transaction.
    ///
    /// The `#identity` comes first because relays look at the document again upon that only.
    pub async fn rotate_signing_key(
        &self,
        account: impl Into<AccountRef>,
        key: &DidKey,
    ) -> Result<Head, RotateKeyError> {
        let (master, wanted) = (self.master_key().clone(), key.clone());
        self.change_account(account, move |tx, account| {
            let key = pending(tx, account, &wanted, &master)?.ok_or(RotateKeyError::NotPrepared)?;
            Ok(rotate(tx, account, &key, &master)?)
        })
        .await
    }
}

fn rotate(
    tx: &mut WriteTx<'_>,
    account: &Account,
    key: &SigningKey,
    master: &MasterKey,
) -> Result<Head, StoreError> {
    let (id, did) = (account.id, &account.did);
    for table in ["signing_key", "pending_key"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE account = ?1"))?
            .execute([id.get()])?;
    }
    keys::set_signing_key(tx, id, did, key, master)?;
    let (head, _) =
        repo::recommit(tx, id, did, key)?.ok_or(StoreError::Damaged { what: "repository" })?;
    emit_identity(tx, id, did, account.handle.as_ref())?;
    if account.is_active() {
        repo::emit_sync(tx, id, did)?;
    }
    Ok(head)
}

/// The key of this name, if the server holds it and may give it to this account.
fn held(
    conn: &Connection,
    account: &Account,
    wanted: &DidKey,
    master: &MasterKey,
) -> Result<Option<SigningKey>, StoreError> {
    let own = keys::signing_key(conn, account.id, master)?;
    if let Some(own) = own.filter(|own| own.did_key() == *wanted) {
        return Ok(Some(own));
    }
    if let Some(pending) = pending(conn, account, wanted, master)? {
        return Ok(Some(pending));
    }
    reserved(conn, &account.did, wanted, master)
}

fn pending(
    conn: &Connection,
    account: &Account,
    wanted: &DidKey,
    master: &MasterKey,
) -> Result<Option<SigningKey>, StoreError> {
    let sealed: Option<Vec<u8>> = conn
        .prepare_cached("SELECT sealed FROM pending_key WHERE account = ?1 AND did_key = ?2")?
        .query_row((account.id.get(), wanted.as_str()), |row| row.get(0))
        .optional()?;
    let key = sealed
        .map(|sealed| keys::unseal(master, PENDING_PURPOSE, account.did.as_str(), &sealed))
        .transpose()?;
    if key.as_ref().is_some_and(|key| key.did_key() != *wanted) {
        return Err(StoreError::Damaged { what: "pending signing key" });
    }
    Ok(key)
}

fn reserved(
    conn: &Connection,
    did: &Did,
    wanted: &DidKey,
    master: &MasterKey,
) -> Result<Option<SigningKey>, StoreError> {
    let sealed: Option<Vec<u8>> = conn
        .prepare_cached(
            "SELECT sealed FROM reserved_key WHERE did_key = ?1 AND (did IS NULL OR did = ?2)",
        )?
        .query_row((wanted.as_str(), did.as_str()), |row| row.get(0))
        .optional()?;
    sealed
        .map(|sealed| keys::unseal(master, keys::RESERVED_PURPOSE, wanted.as_str(), &sealed))
        .transpose()
}

fn insert(
    tx: &WriteTx<'_>,
    account: &Account,
    key: &SigningKey,
    master: &MasterKey,
) -> Result<(), StoreError> {
    let sealed = keys::seal(master, PENDING_PURPOSE, account.did.as_str(), key);
    tx.prepare_cached(
        "INSERT INTO pending_key (account, did_key, sealed, created_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account, did_key) DO UPDATE SET created_at = excluded.created_at",
    )?
    .execute((account.id.get(), key.did_key().as_str(), sealed, tx.now_micros()))?;
    Ok(())
}
