//! App passwords: credentials with fewer rights, made by the server, one per client.
//!
//! They carry 80 random bits, so a keyed hash protects them as well as a slow one, and a sign-in
//! finds them with one lookup instead of one argon2 run for each.

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::accounts::columns::{instant, micros};
use crate::{
    AccountId, HistoryKind, MasterKey, SessionClient, Store, StoreError, history, sessions,
};

/// More are not made for one account.
const MAX_PER_ACCOUNT: i64 = 1_000;
/// Prefix of the hashes of this form; imported ones bring another.
const SCHEME: &str = "hmac-sha256";
const LETTERS: usize = 16;

/// One app password, without what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPassword {
    pub name: String,
    pub rights: AppPasswordRights,
    pub created_at: Timestamp,
}

/// What the sessions of an app password may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPasswordRights {
    Standard,
    /// Private messages and moving away too.
    Privileged,
    /// What these OAuth scopes allow, in normal form and separated by spaces.
    Scoped(String),
}

/// Why no app password was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateAppPasswordError {
    /// The account has one of this name.
    #[error("there is an app password of this name")]
    NameTaken,
    #[error("the account has too many app passwords")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes an app password, `xxxx-xxxx-xxxx-xxxx`. It cannot be read again.
    pub async fn create_app_password(
        &self,
        account: AccountId,
        name: &str,
        rights: AppPasswordRights,
        client: SessionClient,
    ) -> Result<(String, AppPassword), CreateAppPasswordError> {
        let letters = BASE32_NOPAD.encode(&cairn_identity::random_bytes::<10>()).to_lowercase();
        let hash = hash(self.master_key(), account, &letters);
        let name = name.to_owned();
        let made = self
            .write_tx(move |tx| {
                if find(tx, account, "name", &name)?.is_some() {
                    return Err(CreateAppPasswordError::NameTaken);
                }
                let count: i64 = tx
                    .query_row(
                        "SELECT count(*) FROM app_password WHERE account = ?1",
                        [account.get()],
                        |row| row.get(0),
                    )
                    .map_err(StoreError::from)?;
                if count >= MAX_PER_ACCOUNT {
                    return Err(CreateAppPasswordError::TooMany);
                }
                let created_at = instant(tx.now_micros());
                let made = AppPassword { name: name.clone(), rights: rights.clone(), created_at };
                insert(tx, account, &made, &hash)?;
                history::note(tx, account, HistoryKind::AppPasswordMade, &name, &client)?;
                Ok(made)
            })
            .await?;
        let groups: Vec<&str> = (0..4).map(|group| &letters[group * 4..group * 4 + 4]).collect();
        Ok((groups.join("-"), made))
    }

    /// The app password of the account that this text is, if any.
    pub async fn check_app_password(
        &self,
        account: AccountId,
        password: &str,
    ) -> Result<Option<AppPassword>, StoreError> {
        let Some(letters) = canonical(password) else {
            return Ok(None);
        };
        let hash = hash(self.master_key(), account, &letters);
        self.read(move |tx| find(tx, account, "password_hash", &hash)).await
    }

    /// The app passwords of an account, newest first.
    pub async fn app_passwords(&self, account: AccountId) -> Result<Vec<AppPassword>, StoreError> {
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT name, privileged, scopes, created_at FROM app_password WHERE account = ?1
                 ORDER BY created_at DESC",
            )?;
            let rows = statement.query_map([account.get()], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Removes an app password and ends its sessions. Returns whether it existed.
    pub async fn revoke_app_password(
        &self,
        account: AccountId,
        name: &str,
        client: SessionClient,
    ) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write_tx(move |tx| {
            sessions::delete_of_app_password(tx, account, &name)?;
            let removed = tx
                .prepare_cached("DELETE FROM app_password WHERE account = ?1 AND name = ?2")?
                .execute((account.get(), &name))?;
            if removed > 0 {
                history::note(tx, account, HistoryKind::AppPasswordRevoked, &name, &client)?;
            }
            Ok(removed > 0)
        })
        .await
    }
}

/// Removes the app passwords of an account inside a transaction; their sessions are the caller's to end.
pub(crate) fn delete_all(conn: &Connection, account: AccountId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM app_password WHERE account = ?1")?.execute([account.get()])?;
    Ok(())
}

/// The app password of this name inside a transaction.
pub(crate) fn by_name(
    conn: &Connection,
    account: AccountId,
    name: &str,
) -> Result<Option<AppPassword>, StoreError> {
    find(conn, account, "name", name)
}

fn find(
    conn: &Connection,
    account: AccountId,
    column: &'static str,
    value: &str,
) -> Result<Option<AppPassword>, StoreError> {
    Ok(conn
        .prepare_cached(&format!(
            "SELECT name, privileged, scopes, created_at FROM app_password
             WHERE account = ?1 AND {column} = ?2"
        ))?
        .query_row((account.get(), value), read)
        .optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<AppPassword> {
    let rights = match (row.get(2)?, row.get(1)?) {
        (Some(scopes), _) => AppPasswordRights::Scoped(scopes),
        (None, true) => AppPasswordRights::Privileged,
        (None, false) => AppPasswordRights::Standard,
    };
    Ok(AppPassword { name: row.get(0)?, rights, created_at: instant(row.get(3)?) })
}

fn insert(
    conn: &Connection,
    account: AccountId,
    made: &AppPassword,
    hash: &str,
) -> Result<(), StoreError> {
    let scopes = match &made.rights {
        AppPasswordRights::Scoped(scopes) => Some(scopes),
        AppPasswordRights::Standard | AppPasswordRights::Privileged => None,
    };
    conn.prepare_cached(
        "INSERT INTO app_password (account, name, password_hash, privileged, scopes, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        account.get(),
        made.name,
        hash,
        made.rights == AppPasswordRights::Privileged,
        scopes,
        micros(made.created_at),
    ])?;
    Ok(())
}

/// The letters without dashes in lower case; none when the text is no app password.
fn canonical(password: &str) -> Option<String> {
    let letters: String = password.chars().filter(|c| *c != '-').take(LETTERS + 1).collect();
    let fits = letters.len() == LETTERS && letters.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| letters.to_ascii_lowercase())
}

fn hash(key: &MasterKey, account: AccountId, letters: &str) -> String {
    let message = format!("{}\0{letters}", account.get());
    let hash = key.keyed_hash("app password", message.as_bytes());
    format!("{SCHEME}:{}", data_encoding::HEXLOWER.encode(&hash))
}
