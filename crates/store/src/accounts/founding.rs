//! A note of each DID that is being registered, kept until its account exists.
//!
//! A DID must be in the directory before its account can tell of it. Whoever is killed in between
//! finds the note at the next start and can take the DID back.

use cairn_model::Did;
use jiff::Timestamp;
use rusqlite::Connection;

use super::columns::micros;
use crate::{Store, StoreError, WriteTx};

impl Store {
    /// Notes that a DID is about to be registered. [`Store::create_account`] removes the note.
    pub async fn begin_founding(&self, did: &Did) -> Result<(), StoreError> {
        let did = did.clone();
        self.write_tx(move |tx| begin(tx, &did)).await
    }

    /// Removes the note of a DID that will have no account, and needs none.
    pub async fn end_founding(&self, did: &Did) -> Result<(), StoreError> {
        let did = did.clone();
        self.write_tx(move |tx| end(tx, &did)).await
    }

    /// The DIDs that were noted before an instant and have no account.
    pub async fn foundings(&self, before: Timestamp) -> Result<Vec<Did>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached("SELECT did FROM founding WHERE at < ?1")?;
            let mut rows = statement.query([micros(before)])?;
            let mut dids = Vec::new();
            while let Some(row) = rows.next()? {
                let did = row.get_ref(0)?.as_str().ok().and_then(|did| Did::parse(did).ok());
                dids.push(did.ok_or(StoreError::Damaged { what: "did of a founding" })?);
            }
            Ok(dids)
        })
        .await
    }
}

/// Notes a DID that may be in the directory and has no account.
pub(super) fn begin(tx: &WriteTx<'_>, did: &Did) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO founding (did, at) VALUES (?1, ?2) ON CONFLICT (did) DO NOTHING",
    )?
    .execute((did.as_str(), tx.now_micros()))?;
    Ok(())
}

/// Removes the note of a DID.
pub(super) fn end(conn: &Connection, did: &Did) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM founding WHERE did = ?1")?.execute([did.as_str()])?;
    Ok(())
}
