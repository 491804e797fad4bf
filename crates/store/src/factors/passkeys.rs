//! Passkeys: <https://www.w3.org/TR/webauthn-3/>. Signatures are checked above; here lie the public keys.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::recovery::drop_needless_codes;
use crate::accounts::columns::{instant, opt_instant};
use crate::oauth::end_trust;
use crate::text::cut;
use crate::{AccountId, HistoryKind, SessionClient, Store, StoreError, WriteTx, history};

/// Passkeys of one account.
const MAX_PER_ACCOUNT: i64 = 50;
/// Longer names are cut.
const MAX_NAME_BYTES: usize = 256;

/// A passkey to add.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    pub credential_id: Vec<u8>,
    /// In COSE form.
    pub public_key: Vec<u8>,
    pub sign_count: u32,
    pub name: String,
    /// How the browser reaches it (`internal`, `usb`, …).
    pub transports: Vec<String>,
    /// Whether it can be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it has been, when it was last used.
    pub backed_up: bool,
    /// Whether it checked its owner when it was made.
    pub uv_initialized: bool,
    /// Whether its authenticator says that it finds it without being told which.
    pub discoverable: bool,
}

/// The passkey with which an account comes to be.
#[derive(Clone, Debug)]
pub struct FirstPasskey {
    pub passkey: NewPasskey,
    /// What its authenticator calls the account from now on.
    pub user_handle: Vec<u8>,
}

/// What a passkey said when it was used.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyUse {
    /// How often it has signed, as it says itself; zero for those that do not count.
    pub sign_count: u32,
    pub backed_up: bool,
    /// Whether it checked its owner, who had shown the password before.
    pub initializes_uv: bool,
    /// Whether the authenticator has found it without being told which.
    pub discovered: bool,
}

/// A passkey of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    pub account: AccountId,
    pub credential_id: Vec<u8>,
    /// In COSE form.
    pub public_key: Vec<u8>,
    /// How often it has signed, as it says itself; zero for those that do not count.
    pub sign_count: u32,
    pub name: String,
    /// How the browser reaches it (`internal`, `usb`, …).
    pub transports: Vec<String>,
    /// Whether it can be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it has been, when it was last used.
    pub backed_up: bool,
    /// Whether it has checked its owner once, at a time when the owner was known otherwise. Only then may it open the
    /// account alone (WebAuthn level 3, §4, credential record).
    pub uv_initialized: bool,
    /// Whether its authenticator finds it without being told which, as far as is known.
    pub discoverable: bool,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl Passkey {
    /// Whether it is known to open the account alone.
    pub fn opens_alone(&self) -> bool {
        self.uv_initialized && self.discoverable
    }
}

/// Why a passkey was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddPasskeyError {
    /// An account has it already.
    #[error("the passkey is known already")]
    Known,
    #[error("the account has too many passkeys")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a passkey was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovePasskeyError {
    /// The account has no password, and no other passkey that opens it alone.
    #[error("the passkey is the last way into its account")]
    LastWayIn,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Gives an account another passkey.
    pub async fn add_passkey(
        &self,
        account: AccountId,
        new: NewPasskey,
        client: SessionClient,
    ) -> Result<(), AddPasskeyError> {
        self.write_tx(move |tx| {
            if find(tx, &new.credential_id)?.is_some() {
                return Err(AddPasskeyError::Known);
            }
            if count(tx, account)? >= MAX_PER_ACCOUNT {
                return Err(AddPasskeyError::TooMany);
            }
            insert(tx, account, &new, tx.now_micros())?;
            end_trust(tx, account, None)?;
            let (kind, name) = (HistoryKind::PasskeyAdded, cut(&new.name, MAX_NAME_BYTES));
            Ok(history::note(tx, account, kind, name, &client)?)
        })
        .await
    }

    /// The passkeys of an account, in the order in which they were added.
    pub async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, StoreError> {
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT * FROM passkey WHERE account = ?1 ORDER BY created_at, credential_id",
            )?;
            let rows = statement.query_map([account.get()], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The passkey with this id, whosoever it is.
    pub async fn passkey_by_credential(
        &self,
        credential_id: Vec<u8>,
    ) -> Result<Option<Passkey>, StoreError> {
        self.read_one(move |tx| find(tx, &credential_id)).await
    }

    /// Notes that a passkey has signed. Returns false if it is gone, or if its counter did not go up: then there may be a
    /// copy of it.
    pub async fn use_passkey(
        &self,
        credential_id: Vec<u8>,
        used: PasskeyUse,
    ) -> Result<bool, StoreError> {
        self.write_tx(move |tx| {
            Ok(tx
                .prepare_cached(
                    "UPDATE passkey
                     SET sign_count = ?2, backed_up = ?3, uv_initialized = uv_initialized OR ?4,
                       discoverable = discoverable OR ?6, last_used_at = ?5
                     WHERE credential_id = ?1
                       AND (sign_count < ?2 OR (sign_count = 0 AND ?2 = 0))",
                )?
                .execute(params![
                    credential_id,
                    used.sign_count,
                    used.backed_up,
                    used.initializes_uv,
                    tx.now_micros(),
                    used.discovered,
                ])?
                > 0)
        })
        .await
    }

    /// Gives a passkey of an account another name. Returns whether the account has it.
    pub async fn rename_passkey(
        &self,
        account: AccountId,
        credential_id: Vec<u8>,
        name: &str,
    ) -> Result<bool, StoreError> {
        let name = cut(name, MAX_NAME_BYTES).to_owned();
        self.write_tx(move |tx| {
            Ok(tx
                .prepare_cached(
                    "UPDATE passkey SET name = ?3 WHERE account = ?1 AND credential_id = ?2",
                )?
                .execute(params![account.get(), credential_id, name])?
                > 0)
        })
        .await
    }

    /// Whether an account has no password, and a passkey of it alone opens it.
    pub async fn is_last_way_in(
        &self,
        account: AccountId,
        credential_id: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.read_one(move |tx| is_last_way_in(tx, account, &credential_id)).await
    }

    /// Removes a passkey of an account, and recovery codes that are of no use then. Returns whether the account had it.
    ///
    /// # Errors
    /// When it is the last way into an account without a password.
    pub async fn remove_passkey(
        &self,
        account: AccountId,
        credential_id: Vec<u8>,
        client: SessionClient,
    ) -> Result<bool, RemovePasskeyError> {
        self.write_tx(move |tx| {
            if is_last_way_in(tx, account, &credential_id)? {
                return Err(RemovePasskeyError::LastWayIn);
            }
            let name: Option<String> = tx
                .prepare_cached(
                    "DELETE FROM passkey WHERE account = ?1 AND credential_id = ?2 RETURNING name",
                )
                .and_then(|mut statement| {
                    let named = (account.get(), credential_id.as_slice());
                    statement.query_row(named, |row| row.get(0)).optional()
                })
                .map_err(StoreError::from)?;
            if let Some(name) = &name {
                end_trust(tx, account, None)?;
                history::note(tx, account, HistoryKind::PasskeyRemoved, name, &client)?;
            }
            drop_needless_codes(tx, account)?;
            Ok(name.is_some())
        })
        .await
    }

    /// What authenticators call the account. It tells nobody who that is, and stays the same as long as the master key does.
    pub async fn passkey_user(&self, account: AccountId) -> Result<Vec<u8>, StoreError> {
        let given = self.read_one(move |tx| given_user(tx, account)).await?;
        let id = account.get().to_string();
        let derive = || self.master_key().keyed_hash("passkey user", id.as_bytes()).to_vec();
        Ok(given.unwrap_or_else(derive))
    }
}

/// Gives an account, or somebody who is to get it, its first passkey, inside a transaction.
pub(crate) fn insert_first(
    tx: &WriteTx<'_>,
    account: AccountId,
    first: &FirstPasskey,
) -> Result<(), StoreError> {
    insert(tx, account, &first.passkey, tx.now_micros())?;
    tx.prepare_cached("INSERT INTO passkey_user (account, user_handle) VALUES (?1, ?2)")?
        .execute(params![account.get(), first.user_handle])?;
    Ok(())
}

/// Removes what [`insert_first`] has stored.
pub(crate) fn delete_first(conn: &Connection, account: AccountId) -> Result<(), StoreError> {
    for table in ["passkey", "passkey_user"] {
        conn.prepare_cached(&format!("DELETE FROM {table} WHERE account = ?1"))?
            .execute([account.get()])?;
    }
    Ok(())
}

/// Whether somebody has the passkey with this id.
pub(crate) fn is_known(conn: &Connection, credential_id: &[u8]) -> Result<bool, StoreError> {
    Ok(find(conn, credential_id)?.is_some())
}

/// Whether the account can be opened by a passkey alone: by another than `except`, if that is given.
pub(crate) fn opens_by_passkey(
    conn: &Connection,
    account: AccountId,
    except: Option<&[u8]>,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM passkey
               WHERE account = ?1 AND uv_initialized AND discoverable
                 AND (?2 IS NULL OR credential_id <> ?2))",
        )?
        .query_row(params![account.get(), except], |row| row.get(0))?)
}

/// What the account was called before it was there.
fn given_user(conn: &Connection, account: AccountId) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT user_handle FROM passkey_user WHERE account = ?1")?
        .query_row([account.get()], |row| row.get(0))
        .optional()?)
}

fn is_last_way_in(
    conn: &Connection,
    account: AccountId,
    credential_id: &[u8],
) -> Result<bool, StoreError> {
    let has_password: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM account WHERE id = ?1 AND password_hash IS NOT NULL)",
        )?
        .query_row([account.get()], |row| row.get(0))?;
    let opens = find(conn, credential_id)?
        .is_some_and(|passkey| passkey.account == account && passkey.opens_alone());
    Ok(!has_password && opens && !opens_by_passkey(conn, account, Some(credential_id))?)
}

fn find(conn: &Connection, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT * FROM passkey WHERE credential_id = ?1")?
        .query_row([credential_id], from_row)
        .optional()?)
}

fn count(conn: &Connection, account: AccountId) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM passkey WHERE account = ?1")?
        .query_row([account.get()], |row| row.get(0))?)
}

fn insert(
    conn: &Connection,
    account: AccountId,
    new: &NewPasskey,
    now: i64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO passkey (credential_id, account, public_key, sign_count, name, transports,
           backup_eligible, backed_up, uv_initialized, created_at, discoverable)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        new.credential_id,
        account.get(),
        new.public_key,
        new.sign_count,
        cut(&new.name, MAX_NAME_BYTES),
        new.transports.join(" "),
        new.backup_eligible,
        new.backed_up,
        new.uv_initialized,
        now,
        new.discoverable,
    ])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Passkey> {
    let transports: String = row.get("transports")?;
    Ok(Passkey {
        account: AccountId::new(row.get("account")?),
        credential_id: row.get("credential_id")?,
        public_key: row.get("public_key")?,
        sign_count: row.get("sign_count")?,
        name: row.get("name")?,
        transports: transports.split_whitespace().map(str::to_owned).collect(),
        backup_eligible: row.get("backup_eligible")?,
        backed_up: row.get("backed_up")?,
        uv_initialized: row.get("uv_initialized")?,
        discoverable: row.get("discoverable")?,
        created_at: instant(row.get("created_at")?),
        last_used_at: opt_instant(row, "last_used_at")?,
    })
}
