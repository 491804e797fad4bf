//! The server's own secrets, sealed in the database, and the check that the master key is the right one.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use zeroize::Zeroizing;

use crate::db::WriteTx;
use crate::error::OpenError;
use crate::seal::{MasterKey, SealError};
use crate::{Store, StoreError};

const PURPOSE: &str = "server secret";
/// A secret of this name tells at start whether the master key belongs to the database.
const CHECK: &str = "master key check";

impl Store {
    /// A secret of the server, such as a key that was generated on first start.
    pub async fn secret(
        &self,
        name: &'static str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let key = self.master_key().clone();
        self.read(move |tx| find(tx, &key, name)).await
    }

    /// The secret of this name; `fresh` becomes it when there is none yet.
    pub async fn secret_or(
        &self,
        name: &'static str,
        fresh: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let key = self.master_key().clone();
        self.write_tx(move |tx| {
            if let Some(secret) = find(tx, &key, name)? {
                return Ok(secret);
            }
            insert(tx, &key, name, &fresh, tx.now_micros())?;
            Ok(fresh.clone())
        })
        .await
    }

    /// Sets a secret, whether or not there was one.
    pub async fn put_secret(
        &self,
        name: &'static str,
        secret: Zeroizing<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let key = self.master_key().clone();
        self.write_tx(move |tx: &mut WriteTx<'_>| insert(tx, &key, name, &secret, tx.now_micros()))
            .await
    }
}

/// Loads the master key for this database, or creates it for a database that holds nothing sealed.
pub(crate) fn open_master_key(conn: &Connection, path: &Path) -> Result<MasterKey, OpenError> {
    let sealed_keys_exist = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM secret) OR EXISTS (SELECT 1 FROM signing_key)
           OR EXISTS (SELECT 1 FROM reserved_key)",
        [],
        |row| row.get(0),
    )?;
    let unusable = |source| OpenError::MasterKey { path: path.to_owned(), source };
    let key = MasterKey::load_or_create(path, sealed_keys_exist).map_err(unusable)?;
    match sealed(conn, CHECK)? {
        Some(check) => {
            key.open(PURPOSE, CHECK, &check).map_err(|_| unusable(SealError::WrongKey))?;
        }
        None => insert(conn, &key, CHECK, CHECK.as_bytes(), 0)?,
    }
    Ok(key)
}

fn find(
    conn: &Connection,
    key: &MasterKey,
    name: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let Some(sealed) = sealed(conn, name)? else {
        return Ok(None);
    };
    let secret =
        key.open(PURPOSE, name, &sealed).map_err(|_| StoreError::Damaged { what: "secret" })?;
    Ok(Some(secret))
}

fn sealed(conn: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached("SELECT sealed FROM secret WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn insert(
    conn: &Connection,
    key: &MasterKey,
    name: &str,
    secret: &[u8],
    now_micros: i64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO secret (name, sealed, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at",
    )?
    .execute((name, key.seal(PURPOSE, name, secret), now_micros))?;
    Ok(())
}
