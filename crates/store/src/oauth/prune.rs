//! The housekeeping of what has expired.

use rusqlite::{Connection, params};

use super::devices::{DeviceId, forget};
use crate::accounts::columns::micros;
use crate::steps::STEP;
use crate::{Store, StoreError};

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TidiedOAuth {
    pub requests: usize,
    pub code_challenges: usize,
    pub sessions: usize,
    pub sign_ins: usize,
    pub trusted_browsers: usize,
    pub devices: usize,
}

impl Store {
    /// Job: removes requests, code challenges, sessions, sign-ins, trust and browsers that have expired.
    pub async fn prune_oauth(&self) -> Result<TidiedOAuth, StoreError> {
        let now = micros(self.clock().now());
        let session_end = "coalesce(refresh_expires_at, access_expires_at)";
        let on_device = "device, account";
        Ok(TidiedOAuth {
            requests: self.remove_ended("oauth_request", "id_hash", "expires_at", now).await?,
            code_challenges: self.remove_ended("code_challenge", "hash", "expires_at", now).await?,
            sessions: self.remove_ended("oauth_session", "id", session_end, now).await?,
            sign_ins: self.remove_ended("device_account", on_device, "expires_at", now).await?,
            trusted_browsers: self
                .remove_ended("trusted_browser", on_device, "expires_at", now)
                .await?,
            devices: self.prune_devices(now).await?,
        })
    }

    async fn prune_devices(&self, now: i64) -> Result<usize, StoreError> {
        let mut total = 0;
        loop {
            let removed: usize = self
                .write_tx(move |tx| {
                    let expired = expired_devices(tx, now)?;
                    for device in &expired {
                        forget(tx, *device)?;
                    }
                    Ok::<_, StoreError>(expired.len())
                })
                .await?;
            total += removed;
            if removed < STEP {
                return Ok(total);
            }
        }
    }
}

fn expired_devices(conn: &Connection, now: i64) -> Result<Vec<DeviceId>, StoreError> {
    let limit = i64::try_from(STEP).unwrap_or(i64::MAX);
    let mut statement =
        conn.prepare_cached("SELECT id FROM device WHERE expires_at <= ?1 LIMIT ?2")?;
    let rows = statement.query_map(params![now, limit], |row| Ok(DeviceId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
