//! Time-based one-time codes: <https://datatracker.ietf.org/doc/html/rfc6238>. The codes are computed above; here lie the
//! sealed secret and the newest time step whose code was used.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use super::recovery::drop_needless_codes;
use crate::accounts::columns::{instant, opt_instant};
use crate::oauth::end_trust;
use crate::{AccountId, DeviceId, HistoryKind, SessionClient, Store, StoreError, history};

const PURPOSE: &str = "totp secret";

/// The secret behind an account's one-time codes.
#[derive(Clone)]
pub struct Totp {
    pub secret: Zeroizing<Vec<u8>>,
    /// When the secret was made.
    pub started_at: Timestamp,
    /// The browser on which the secret was made.
    pub begun_by: Option<DeviceId>,
    /// When a code was first shown; before that it is not asked for.
    pub confirmed_at: Option<Timestamp>,
    /// The stored form, which no other secret has.
    sealed: Vec<u8>,
}

impl Store {
    /// Sets a secret that awaits its first code, in the place of another that does. `begun_by` is the browser that sees it.
    ///
    /// Returns false when the account has a confirmed one: that has to be removed first.
    pub async fn start_totp(
        &self,
        account: AccountId,
        secret: &Zeroizing<Vec<u8>>,
        begun_by: DeviceId,
    ) -> Result<bool, StoreError> {
        let sealed = self.master_key().seal(PURPOSE, &owner(account), secret);
        self.write_tx(move |tx| {
            Ok(tx
                .prepare_cached(
                    "INSERT INTO totp (account, sealed, created_at, begun_by) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (account) DO UPDATE
                       SET sealed = excluded.sealed, created_at = excluded.created_at,
                         begun_by = excluded.begun_by
                       WHERE confirmed_at IS NULL",
                )?
                .execute(params![account.get(), sealed, tx.now_micros(), begun_by.0])?
                > 0)
        })
        .await
    }

    /// The secret of an account, confirmed or not.
    pub async fn totp(&self, account: AccountId) -> Result<Option<Totp>, StoreError> {
        let key = self.master_key().clone();
        self.read_one(move |tx| {
            let found = tx
                .prepare_cached(
                    "SELECT sealed, created_at, begun_by, confirmed_at FROM totp WHERE account = ?1",
                )?
                .query_row([account.get()], |row| {
                    Ok(Totp {
                        secret: Zeroizing::default(),
                        started_at: instant(row.get("created_at")?),
                        begun_by: row.get::<_, Option<_>>("begun_by")?.map(DeviceId),
                        confirmed_at: opt_instant(row, "confirmed_at")?,
                        sealed: row.get("sealed")?,
                    })
                })
                .optional()?;
            let Some(totp) = found else { return Ok(None) };
            let secret = key
                .open(PURPOSE, &owner(account), &totp.sealed)
                .map_err(|_| StoreError::Damaged { what: "one-time code secret" })?;
            Ok(Some(Totp { secret, ..totp }))
        })
        .await
    }

    /// Uses the code of a time step, which confirms the secret if it was not. Returns false if this step or a later one
    /// was used before, or if the account's secret is another by now: nobody is held to one that they have not shown.
    pub async fn use_totp_step(
        &self,
        account: AccountId,
        totp: &Totp,
        step: i64,
    ) -> Result<bool, StoreError> {
        let sealed = totp.sealed.clone();
        self.write_tx(move |tx| {
            let found: Option<(Option<i64>, Option<[u8; 16]>)> = tx
                .prepare_cached(
                    "SELECT confirmed_at, begun_by FROM totp
                     WHERE account = ?1 AND last_step < ?2 AND sealed = ?3",
                )?
                .query_row(params![account.get(), step, sealed], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let Some((confirmed_at, begun_by)) = found else { return Ok(false) };
            if confirmed_at.is_none() {
                end_trust(tx, account, None)?;
                let here = DeviceId(begun_by.unwrap_or_default());
                let kind = HistoryKind::AuthenticatorAdded;
                history::note_on_device(tx, account, kind, "", here)?;
            }
            tx.prepare_cached(
                "UPDATE totp SET last_step = ?2, confirmed_at = ?3 WHERE account = ?1",
            )?
            .execute(params![
                account.get(),
                step,
                confirmed_at.unwrap_or_else(|| tx.now_micros())
            ])?;
            Ok(true)
        })
        .await
    }

    /// Removes the one-time codes of an account, and recovery codes that are of no use then. Returns whether it had any.
    pub async fn remove_totp(
        &self,
        account: AccountId,
        client: SessionClient,
    ) -> Result<bool, StoreError> {
        self.write_tx(move |tx| {
            let had = tx
                .prepare_cached("DELETE FROM totp WHERE account = ?1")?
                .execute([account.get()])?
                > 0;
            if had {
                end_trust(tx, account, None)?;
                history::note(tx, account, HistoryKind::AuthenticatorRemoved, "", &client)?;
            }
            drop_needless_codes(tx, account)?;
            Ok(had)
        })
        .await
    }
}

/// Ids of accounts are never reused, so a sealed secret opens for one account alone.
fn owner(account: AccountId) -> String {
    account.get().to_string()
}
