//! Accounts that are signed in on a browser.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::devices::{self, Device, DeviceId, SIGNED_IN, later};
use super::{end, trust};
use crate::accounts::columns::{instant, micros};
use crate::sessions::password_holds;
use crate::{AccountId, Factor, HistoryKind, Store, StoreError, history};

/// How long a sign-in lasts that the browser is not to remember: time to finish what it was for.
const NOT_REMEMBERED: Duration = Duration::from_secs(3600);
/// Accounts on one browser; the one whose sign-in is oldest makes room.
const MAX_ACCOUNTS: i64 = 32;

/// A sign-in to make.
#[derive(Clone, Debug)]
pub struct NewSignIn {
    pub device: DeviceId,
    pub account: AccountId,
    /// The hash that the password was checked against, if one was: the sign-in fails once it is another.
    pub password_hash: Option<String>,
    /// Whether the browser keeps the account for the next visits.
    pub remember: bool,
    /// What was shown to sign in.
    pub factors: Vec<Factor>,
    /// Whether the browser is not to be asked for a second factor for a while.
    pub trust: bool,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The account or its password is gone, or the trust in the browser that stood for a second factor: whoever ended it
    /// signed everybody out, and this one must not slip through.
    #[error("the credential was revoked or changed")]
    CredentialGone,
    /// The browser was forgotten.
    #[error("the browser is not known")]
    UnknownDevice,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account on a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAccount {
    pub account: AccountId,
    /// When its credentials were last shown.
    pub signed_in_at: Timestamp,
    pub remembered: bool,
    pub factors: Vec<Factor>,
}

/// A browser that an account is signed in on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDevice {
    pub device: Device,
    pub sign_in: DeviceAccount,
}

impl Store {
    /// Signs an account in on a browser, in the place of an earlier sign-in there.
    ///
    /// # Errors
    /// See [`SignInError`]; whether the account may sign in at all is for the caller to judge.
    pub async fn sign_in_on_device(&self, new: NewSignIn) -> Result<(), SignInError> {
        self.write_tx(move |tx| {
            if !password_holds(tx, new.account, new.password_hash.as_deref())? {
                return Err(SignInError::CredentialGone);
            }
            let leans_on_trust = new.factors.contains(&Factor::TrustedBrowser);
            if leans_on_trust && !trust::is_trusted(tx, new.device, new.account, tx.now())? {
                return Err(SignInError::CredentialGone);
            }
            let known = extend(tx, new.device, later(tx.now(), SIGNED_IN))?;
            if !known {
                return Err(SignInError::UnknownDevice);
            }
            insert(tx, &new, tx.now())?;
            let factors = Factor::write(&new.factors);
            history::note_on_device(tx, new.account, HistoryKind::SignIn, &factors, new.device)?;
            if new.trust {
                trust::begin(tx, new.device, new.account, tx.now())?;
            }
            Ok(make_room(tx, new.device)?)
        })
        .await
    }

    /// The accounts that are signed in on a browser, the latest sign-in first.
    pub async fn device_accounts(
        &self,
        device: DeviceId,
    ) -> Result<Vec<DeviceAccount>, StoreError> {
        let now = micros(self.clock().now());
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT account, signed_in_at, remembered, factors FROM device_account
                 WHERE device = ?1 AND expires_at > ?2 ORDER BY signed_in_at DESC, account",
            )?;
            let rows = statement.query_map(params![device.0, now], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Notes that somebody who is signed in on a browser has shown one more thing there. The time of the sign-in stays.
    pub async fn add_shown_factor(
        &self,
        device: DeviceId,
        account: AccountId,
        factor: Factor,
    ) -> Result<(), StoreError> {
        self.write_tx(move |tx| {
            tx.prepare_cached(
                "UPDATE device_account SET factors = factors || ' ' || ?3
                 WHERE device = ?1 AND account = ?2
                   AND instr(' ' || factors || ' ', ' ' || ?3 || ' ') = 0",
            )?
            .execute(params![device.0, account.get(), factor.as_str()])?;
            Ok(())
        })
        .await
    }

    /// Signs an account out of the browser that asks for it. It stays trusted, if it was: whoever comes back needs the
    /// password. Returns whether it was signed in.
    pub async fn sign_out_of_device(
        &self,
        device: DeviceId,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        self.write_tx(move |tx| end_one(tx, device, account)).await
    }

    /// Signs an account out of a browser that its owner has found in the list, and has it be asked for the second factor
    /// again.
    pub async fn shut_out_device(
        &self,
        device: DeviceId,
        account: AccountId,
    ) -> Result<(), StoreError> {
        self.write_tx(move |tx| {
            end_one(tx, device, account)?;
            trust::end_one(tx, device, account)?;
            Ok(())
        })
        .await
    }

    /// Signs an account out of all browsers but one, and has them be asked for the second factor again.
    pub async fn sign_out_of_other_devices(
        &self,
        account: AccountId,
        kept: DeviceId,
    ) -> Result<(), StoreError> {
        self.write_tx(move |tx| end::end_devices(tx, account, Some(kept))).await
    }

    /// The browsers that an account is signed in on, the latest visit first.
    pub async fn devices_of(&self, account: AccountId) -> Result<Vec<AccountDevice>, StoreError> {
        let now = micros(self.clock().now());
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT device.*, a.account, a.signed_in_at, a.remembered, a.factors
                 FROM device_account AS a JOIN device ON device.id = a.device
                 WHERE a.account = ?1 AND a.expires_at > ?2 ORDER BY device.last_seen_at DESC",
            )?;
            let rows = statement.query_map(params![account.get(), now], |row| {
                Ok(AccountDevice { device: devices::from_row(row)?, sign_in: from_row(row)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Signs an account out of a browser, inside a transaction. Returns whether it was signed in.
fn end_one(conn: &Connection, device: DeviceId, account: AccountId) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("DELETE FROM device_account WHERE device = ?1 AND account = ?2")?
        .execute(params![device.0, account.get()])?
        > 0)
}

/// Whether an account is signed in on a browser, inside a transaction.
pub(super) fn is_signed_in(
    conn: &Connection,
    device: DeviceId,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM device_account
               WHERE device = ?1 AND account = ?2 AND expires_at > ?3)",
        )?
        .query_row(params![device.0, account.get(), micros(now)], |row| row.get(0))?)
}

/// Lets the browser live until `expires_at`. Returns whether it is known.
fn extend(conn: &Connection, device: DeviceId, expires_at: i64) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("UPDATE device SET expires_at = ?2 WHERE id = ?1")?
        .execute(params![device.0, expires_at])?
        > 0)
}

fn insert(conn: &Connection, new: &NewSignIn, now: Timestamp) -> Result<(), StoreError> {
    let lifetime = if new.remember { SIGNED_IN } else { NOT_REMEMBERED };
    conn.prepare_cached(
        "INSERT OR REPLACE INTO device_account
           (device, account, signed_in_at, remembered, factors, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        new.device.0,
        new.account.get(),
        micros(now),
        new.remember,
        Factor::write(&new.factors),
        later(now, lifetime),
    ])?;
    Ok(())
}

fn make_room(conn: &Connection, device: DeviceId) -> Result<(), StoreError> {
    conn.prepare_cached(
        "DELETE FROM device_account WHERE device = ?1 AND account IN (
           SELECT account FROM device_account WHERE device = ?1
           ORDER BY signed_in_at DESC, account LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![device.0, MAX_ACCOUNTS])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<DeviceAccount> {
    Ok(DeviceAccount {
        account: AccountId::new(row.get("account")?),
        signed_in_at: instant(row.get("signed_in_at")?),
        remembered: row.get("remembered")?,
        factors: Factor::read(&row.get::<_, String>("factors")?),
    })
}
