//! Private preferences of an account: opaque JSON objects that clients keep here.
//!
//! They are replaced as a whole within a namespace (`app.bsky`), except those that the caller may
//! not see.

use rusqlite::Connection;

use crate::{AccountId, Store, StoreError};

/// One preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Its `$type`.
    pub name: String,
    /// The whole object as JSON text.
    pub json: String,
}

/// Which preferences of an account a caller sees and replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreferenceScope {
    /// Preferences whose name is this or starts with this and a dot.
    pub namespace: String,
    /// Names that are left out.
    pub except: Vec<String>,
}

impl PreferenceScope {
    fn covers(&self, name: &str) -> bool {
        let in_namespace = name
            .strip_prefix(self.namespace.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        in_namespace && !self.except.iter().any(|except| except == name)
    }
}

/// Preferences outside the scope were offered.
#[derive(Debug, thiserror::Error)]
pub enum PutPreferencesError {
    #[error("the preference {name} is outside of what the caller may change")]
    OutOfScope { name: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The preferences within the scope, in the order in which they were put.
    pub async fn preferences(
        &self,
        account: AccountId,
        scope: PreferenceScope,
    ) -> Result<Vec<Preference>, StoreError> {
        self.read(move |tx| {
            let all = all(tx, account)?;
            Ok(all.into_iter().filter(|preference| scope.covers(&preference.name)).collect())
        })
        .await
    }

    /// Replaces all preferences within the scope.
    pub async fn put_preferences(
        &self,
        account: AccountId,
        scope: PreferenceScope,
        preferences: Vec<Preference>,
    ) -> Result<(), PutPreferencesError> {
        if let Some(stray) = preferences.iter().find(|offered| !scope.covers(&offered.name)) {
            return Err(PutPreferencesError::OutOfScope { name: stray.name.clone() });
        }
        self.write_tx(move |tx| {
            let kept = all(tx, account)?.into_iter().filter(|held| !scope.covers(&held.name));
            let next: Vec<Preference> = kept.chain(preferences.iter().cloned()).collect();
            replace(tx, account, &next).map_err(PutPreferencesError::from)
        })
        .await
    }
}

fn all(conn: &Connection, account: AccountId) -> Result<Vec<Preference>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT name, value FROM preference WHERE account = ?1 ORDER BY position",
    )?;
    let rows = statement.query_map([account.get()], |row| {
        Ok(Preference { name: row.get(0)?, json: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn replace(
    conn: &Connection,
    account: AccountId,
    preferences: &[Preference],
) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM preference WHERE account = ?1")?.execute([account.get()])?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO preference (account, position, name, value) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (position, preference) in (0_i64..).zip(preferences) {
        insert.execute((account.get(), position, &preference.name, &preference.json))?;
    }
    Ok(())
}
