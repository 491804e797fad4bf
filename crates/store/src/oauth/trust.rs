//! Browsers that are not asked for the second factor for a while.
//!
//! A row says that the owner of an account has shown a second factor on this browser and does not want to be asked there
//! again. It is good beside the right password only: whoever has stolen the cookie still needs that. It ends by the
//! server's clock, counted from the factor and not from its use, and whatever changes what the account asks for ends it in
//! the same transaction ([`end_trust`]).

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::devices::{self, Device, DeviceId, later};
use crate::accounts::columns::{instant, micros};
use crate::{AccountId, Store, StoreError};

/// How long a browser is trusted after the second factor was shown on it.
pub const TRUST_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Browsers that an account trusts; the one that was trusted first makes room.
const MAX_PER_ACCOUNT: i64 = 50;

/// A browser that is not asked for an account's second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedBrowser {
    pub device: Device,
    /// When the second factor was shown.
    pub since: Timestamp,
    pub expires_at: Timestamp,
}

impl Store {
    /// Whether a browser is trusted with an account's second factor.
    pub async fn is_trusted_browser(
        &self,
        device: DeviceId,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        let now = self.clock().now();
        self.read_one(move |tx| is_trusted(tx, device, account, now)).await
    }

    /// The browsers that an account trusts, the latest first.
    pub async fn trusted_browsers_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<TrustedBrowser>, StoreError> {
        let now = micros(self.clock().now());
        self.read_one(move |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT device.*, t.since, t.expires_at AS trusted_until
                 FROM trusted_browser AS t JOIN device ON device.id = t.device
                 WHERE t.account = ?1 AND t.expires_at > ?2 ORDER BY t.since DESC, t.device",
            )?;
            let rows = statement.query_map(params![account.get(), now], |row| {
                Ok(TrustedBrowser {
                    device: devices::from_row(row)?,
                    since: instant(row.get("since")?),
                    expires_at: instant(row.get("trusted_until")?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Has one browser be asked for an account's second factor again. Returns whether it was trusted.
    pub async fn end_trust_in_browser(
        &self,
        device: DeviceId,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        self.write_tx(move |tx| end_one(tx, device, account)).await
    }

    /// Has all browsers be asked for an account's second factor again.
    pub async fn end_trust_in_browsers(&self, account: AccountId) -> Result<(), StoreError> {
        self.write_tx(move |tx| end_trust(tx, account, None)).await
    }
}

/// Trusts a browser from now on, inside a transaction.
pub(super) fn begin(
    conn: &Connection,
    device: DeviceId,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO trusted_browser (device, account, since, expires_at)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![device.0, account.get(), micros(now), later(now, TRUST_LIFETIME)])?;
    conn.prepare_cached(
        "DELETE FROM trusted_browser WHERE account = ?1 AND device IN (
           SELECT device FROM trusted_browser WHERE account = ?1
           ORDER BY since DESC, device LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![account.get(), MAX_PER_ACCOUNT])?;
    Ok(())
}

pub(super) fn is_trusted(
    conn: &Connection,
    device: DeviceId,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM trusted_browser
               WHERE device = ?1 AND account = ?2 AND expires_at > ?3)",
        )?
        .query_row(params![device.0, account.get(), micros(now)], |row| row.get(0))?)
}

/// Ends the trust of an account in one browser, inside a transaction.
pub(super) fn end_one(
    conn: &Connection,
    device: DeviceId,
    account: AccountId,
) -> Result<bool, StoreError> {
    Ok(conn
        .prepare_cached("DELETE FROM trusted_browser WHERE device = ?1 AND account = ?2")?
        .execute(params![device.0, account.get()])?
        > 0)
}

/// Ends the trust of an account in all browsers, except one if told, inside the transaction that gives the reason.
pub(crate) fn end_trust(
    conn: &Connection,
    account: AccountId,
    except: Option<DeviceId>,
) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM trusted_browser WHERE account = ?1 AND device IS NOT ?2")?
        .execute(params![account.get(), except.map(|device| device.0)])?;
    Ok(())
}
