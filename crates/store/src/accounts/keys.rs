//! The signing keys of accounts, and keys reserved for accounts to come.

use cairn_identity::{Curve, SigningKey};
use cairn_model::Did;
use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension};

use super::columns::micros;
use crate::db::WriteTx;
use crate::seal::MasterKey;
use crate::{AccountId, Store, StoreError};

const ACCOUNT_PURPOSE: &str = "account signing key";
pub(super) const RESERVED_PURPOSE: &str = "reserved signing key";
/// Anyone may reserve keys; more than this many wait for nobody.
const MAX_RESERVED: i64 = 10_000;
/// A reserved key that no account took by then is dropped.
const RESERVATION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Why no key was reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveKeyError {
    /// Too many reserved keys wait for their accounts.
    #[error("too many signing keys are reserved")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The private key that signs an account's commits and service tokens; none without the account.
    pub async fn signing_key(&self, did: &Did) -> Result<Option<SigningKey>, StoreError> {
        let Some(account) = self.account(did).await? else {
            return Ok(None);
        };
        let id = account.id;
        let mark = match self.account_cache().key(id) {
            Ok(key) => return Ok(Some(key)),
            Err(mark) => mark,
        };
        let master = self.master_key().clone();
        let key = self.read_one(move |tx| signing_key(tx, id, &master)).await?;
        if let Some(key) = &key {
            self.account_cache().insert_key(id, key, mark);
        }
        Ok(key)
    }

    /// Makes a key for an account that is still to come, and returns its public half. The same DID
    /// gets the same key each time; without a DID each call gives a new one.
    pub async fn reserve_signing_key(
        &self,
        did: Option<Did>,
    ) -> Result<cairn_identity::DidKey, ReserveKeyError> {
        let key = self.master_key().clone();
        let fresh = SigningKey::generate(Curve::K256);
        let reserved = self.write_tx(move |tx| reserve(tx, &key, did.as_ref(), &fresh)).await?;
        Ok(reserved.did_key())
    }

    /// The reserved key of this DID, which may also be the `did:key` of the key itself.
    pub async fn reserved_signing_key(&self, did: &Did) -> Result<Option<SigningKey>, StoreError> {
        let key = self.master_key().clone();
        let did = did.clone();
        self.read(move |tx| find_reserved(tx, &key, did.as_str())).await
    }
}

/// The key of an account inside a transaction.
pub(crate) fn signing_key(
    conn: &Connection,
    account: AccountId,
    master: &MasterKey,
) -> Result<Option<SigningKey>, StoreError> {
    let found: Option<(String, Vec<u8>)> = conn
        .prepare_cached(
            "SELECT did, sealed FROM account JOIN signing_key ON account = id WHERE id = ?1",
        )?
        .query_row([account.get()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map(|(did, sealed)| unseal(master, ACCOUNT_PURPOSE, &did, &sealed)).transpose()
}

/// Gives an account its key, and takes it out of the reserved ones if it came from there. Another key that is reserved
/// for the account stays.
pub(super) fn set_signing_key(
    tx: &WriteTx<'_>,
    account: AccountId,
    did: &Did,
    key: &SigningKey,
    master: &MasterKey,
) -> Result<(), StoreError> {
    let did_key = key.did_key().to_string();
    tx.prepare_cached("DELETE FROM reserved_key WHERE did_key = ?1")?.execute([&did_key])?;
    tx.prepare_cached(
        "INSERT INTO signing_key (account, did_key, sealed, created_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((account.get(), did_key, seal_account_key(master, did, key), tx.now_micros()))?;
    Ok(())
}

/// The sealed form of the key of an account that is still to come.
pub(super) fn seal_account_key(master: &MasterKey, did: &Did, key: &SigningKey) -> Vec<u8> {
    seal(master, ACCOUNT_PURPOSE, did.as_str(), key)
}

/// The key behind what [`seal_account_key`] made.
pub(super) fn unseal_account_key(
    master: &MasterKey,
    did: &Did,
    sealed: &[u8],
) -> Result<SigningKey, StoreError> {
    unseal(master, ACCOUNT_PURPOSE, did.as_str(), sealed)
}

fn reserve(
    tx: &mut WriteTx<'_>,
    master: &MasterKey,
    did: Option<&Did>,
    fresh: &SigningKey,
) -> Result<SigningKey, ReserveKeyError> {
    if let Some(did) = did
        && let Some(key) = find_reserved(tx, master, did.as_str())?
    {
        return Ok(key);
    }
    let outdated = tx.now().saturating_sub(RESERVATION).map_or(0, micros);
    let waiting: i64 = tx
        .prepare_cached("SELECT count(*) FROM reserved_key WHERE created_at >= ?1")
        .and_then(|mut statement| statement.query_row([outdated], |row| row.get(0)))
        .map_err(StoreError::from)?;
    if waiting >= MAX_RESERVED {
        return Err(ReserveKeyError::TooMany);
    }
    insert_reserved(tx, master, did, fresh, outdated)?;
    Ok(fresh.clone())
}

fn insert_reserved(
    tx: &WriteTx<'_>,
    master: &MasterKey,
    did: Option<&Did>,
    key: &SigningKey,
    outdated: i64,
) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM reserved_key WHERE created_at < ?1")?.execute([outdated])?;
    let did_key = key.did_key().to_string();
    let sealed = seal(master, RESERVED_PURPOSE, &did_key, key);
    tx.prepare_cached(
        "INSERT INTO reserved_key (did_key, did, sealed, created_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((did_key, did.map(Did::as_str), sealed, tx.now_micros()))?;
    Ok(())
}

fn find_reserved(
    conn: &Connection,
    master: &MasterKey,
    did: &str,
) -> Result<Option<SigningKey>, StoreError> {
    let found: Option<(String, Vec<u8>)> = conn
        .prepare_cached("SELECT did_key, sealed FROM reserved_key WHERE did = ?1 OR did_key = ?1")?
        .query_row([did], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map(|(did_key, sealed)| unseal(master, RESERVED_PURPOSE, &did_key, &sealed)).transpose()
}

/// The sealed form is the curve, then the scalar.
pub(super) fn seal(master: &MasterKey, purpose: &str, owner: &str, key: &SigningKey) -> Vec<u8> {
    let mut secret = zeroize::Zeroizing::new(Vec::with_capacity(33));
    secret.push(match key.curve() {
        Curve::K256 => 1,
        Curve::P256 => 2,
    });
    secret.extend_from_slice(key.to_bytes().as_slice());
    master.seal(purpose, owner, &secret)
}

pub(super) fn unseal(
    master: &MasterKey,
    purpose: &str,
    owner: &str,
    sealed: &[u8],
) -> Result<SigningKey, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged { what: "signing key" };
    let secret = master.open(purpose, owner, sealed).map_err(|_| DAMAGED)?;
    let (curve, scalar) = match secret.split_first() {
        Some((1, scalar)) => (Curve::K256, scalar),
        Some((2, scalar)) => (Curve::P256, scalar),
        _ => return Err(DAMAGED),
    };
    let scalar = scalar.try_into().map_err(|_| DAMAGED)?;
    SigningKey::from_bytes(curve, scalar).map_err(|_| DAMAGED)
}
