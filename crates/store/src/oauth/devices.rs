//! Browsers, known by a cookie.
//!
//! The cookie is a secret that its holder replaces from time to time. The one before stays good for a minute, since a
//! browser sends several requests at once and only one of them brings the new one home.

use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SecretHash;
use crate::accounts::columns::{instant, micros};
use crate::text::cut;
use crate::{Store, StoreError, WriteTx};

/// How long a browser that nobody has signed in on is remembered.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// How long a browser with sign-ins, or one that is trusted, is remembered after its last visit: as long as browsers keep
/// cookies.
pub(super) const SIGNED_IN: Duration = Duration::from_secs(400 * 24 * 3600);
/// How long the cookie before the present one is accepted.
const PREVIOUS: Duration = Duration::from_secs(60);
/// Visits within this time of each other count as one, which saves a write for each page.
const VISIT: Duration = Duration::from_secs(5 * 60);
/// Longer descriptions of a browser are cut.
const MAX_USER_AGENT_BYTES: usize = 512;

/// Names a browser; knowing it gives no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(pub [u8; 16]);

impl DeviceId {
    /// Reads the hexadecimal form, as pages show it.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

/// Hexadecimal, in lower case.
impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// A browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub id: DeviceId,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// Whether it was looked up by its present cookie; false for the one before.
    pub is_current: bool,
}

/// A browser that comes for the first time.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Hash of the cookie that it is given.
    pub secret_hash: SecretHash,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
}

impl Store {
    /// Remembers a browser.
    pub async fn create_device(&self, new: NewDevice) -> Result<Device, StoreError> {
        let id = DeviceId(cairn_identity::random_bytes());
        self.write_tx(move |tx| {
            let user_agent =
                new.user_agent.as_deref().map(|agent| cut(agent, MAX_USER_AGENT_BYTES));
            tx.prepare_cached(
                "INSERT INTO device (id, secret_hash, user_agent, ip, created_at, last_seen_at,
                   expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
            )?
            .execute(params![
                id.0,
                new.secret_hash,
                user_agent,
                new.ip,
                tx.now_micros(),
                later(tx.now(), IDLE),
            ])?;
            find(tx, "secret_hash", &new.secret_hash)?
                .ok_or(StoreError::Damaged { what: "browser" })
        })
        .await
    }

    /// The browser with this cookie, the present one or the one just replaced.
    pub async fn device_by_secret(&self, hash: SecretHash) -> Result<Option<Device>, StoreError> {
        let now = micros(self.clock().now());
        self.read(move |tx| {
            if let Some(device) = find(tx, "secret_hash", &hash)? {
                return Ok(Some(device));
            }
            let previous = tx
                .prepare_cached(
                    "SELECT * FROM device WHERE previous_hash = ?1 AND previous_until > ?2",
                )?
                .query_row((hash, now), from_row)
                .optional()?;
            Ok(previous.map(|device| Device { is_current: false, ..device }))
        })
        .await
    }

    /// Gives the browser another cookie. Returns whether it is still known.
    pub async fn rotate_device_secret(
        &self,
        device: DeviceId,
        fresh: SecretHash,
    ) -> Result<bool, StoreError> {
        self.write_tx(move |tx| {
            Ok(tx
                .prepare_cached(
                    "UPDATE device SET previous_hash = secret_hash, previous_until = ?3,
                       secret_hash = ?2
                     WHERE id = ?1",
                )?
                .execute(params![device.0, fresh, later(tx.now(), PREVIOUS)])?
                > 0)
        })
        .await
    }

    /// Notes a visit of a browser.
    pub async fn touch_device(
        &self,
        device: &Device,
        user_agent: Option<&str>,
        ip: Option<&str>,
    ) -> Result<(), StoreError> {
        let user_agent = user_agent.map(|agent| cut(agent, MAX_USER_AGENT_BYTES).to_owned());
        let ip = ip.map(str::to_owned);
        let recently =
            self.clock().now().duration_since(device.last_seen_at).unsigned_abs() < VISIT;
        if recently && device.user_agent == user_agent && device.ip == ip {
            return Ok(());
        }
        let id = device.id;
        self.write_tx(move |tx| {
            tx.prepare_cached(
                "UPDATE device SET user_agent = ?2, ip = ?3, last_seen_at = ?4,
                   expires_at = iif(
                     EXISTS (SELECT 1 FROM device_account WHERE device = ?1)
                       OR EXISTS (SELECT 1 FROM trusted_browser WHERE device = ?1), ?5, ?6)
                 WHERE id = ?1",
            )?
            .execute(params![
                id.0,
                user_agent,
                ip,
                tx.now_micros(),
                later(tx.now(), SIGNED_IN),
                later(tx.now(), IDLE),
            ])?;
            Ok(())
        })
        .await
    }

    /// Forgets a browser with its sign-ins. What clients were allowed through it stays. Returns whether it was known.
    pub async fn forget_device(&self, device: DeviceId) -> Result<bool, StoreError> {
        self.write_tx(move |tx| forget(tx, device)).await
    }
}

pub(super) fn forget(tx: &WriteTx<'_>, device: DeviceId) -> Result<bool, StoreError> {
    for table in ["device_account", "trusted_browser"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE device = ?1"))?
            .execute([device.0])?;
    }
    Ok(tx.prepare_cached("DELETE FROM device WHERE id = ?1")?.execute([device.0])? > 0)
}

fn find(
    conn: &Connection,
    column: &'static str,
    value: &[u8],
) -> Result<Option<Device>, StoreError> {
    Ok(conn
        .prepare_cached(&format!("SELECT * FROM device WHERE {column} = ?1"))?
        .query_row([value], from_row)
        .optional()?)
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: DeviceId(row.get("id")?),
        user_agent: row.get("user_agent")?,
        ip: row.get("ip")?,
        created_at: instant(row.get("created_at")?),
        last_seen_at: instant(row.get("last_seen_at")?),
        is_current: true,
    })
}

/// The stored form of a moment that lies `after` from now.
pub(super) fn later(now: Timestamp, after: Duration) -> i64 {
    micros(now.saturating_add(after).unwrap_or(Timestamp::MAX))
}
