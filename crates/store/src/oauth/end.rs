//! Ending sessions and sign-ins inside a transaction.

use rusqlite::{Params, params};

use super::devices::DeviceId;
use super::{AccessCache, SecretHash, requests, trust};
use crate::{AccountId, StoreError, WriteTx};

/// Ends all sessions of OAuth clients of an account, and what was granted and not taken yet. Returns how many sessions.
pub(crate) fn end_all(
    tx: &mut WriteTx<'_>,
    cache: &AccessCache,
    account: AccountId,
) -> Result<usize, StoreError> {
    requests::delete_granted(tx, account)?;
    end_where(tx, cache, "account = ?1", [account.get()])
}

/// Signs an account out of all browsers, except one if told, and has them be asked for the second factor again.
pub(crate) fn end_devices(
    tx: &WriteTx<'_>,
    account: AccountId,
    except: Option<DeviceId>,
) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM device_account WHERE account = ?1 AND device IS NOT ?2")?
        .execute(params![account.get(), except.map(|device| device.0)])?;
    trust::end_trust(tx, account, except)
}

/// Ends the sessions that were refreshed longest ago, so that `keep` are left.
pub(super) fn make_room(
    tx: &mut WriteTx<'_>,
    cache: &AccessCache,
    account: AccountId,
    keep: i64,
) -> Result<(), StoreError> {
    let surplus = "id IN (SELECT id FROM oauth_session WHERE account = ?1
                     ORDER BY updated_at DESC LIMIT -1 OFFSET ?2)";
    end_where(tx, cache, surplus, params![account.get(), keep]).map(drop)
}

/// Ends the sessions for which a condition holds. Returns how many. Their exchanged tokens lead nowhere and go by age.
pub(super) fn end_where(
    tx: &mut WriteTx<'_>,
    cache: &AccessCache,
    condition: &'static str,
    values: impl Params,
) -> Result<usize, StoreError> {
    let ended: Vec<SecretHash> = {
        let sql = format!("DELETE FROM oauth_session WHERE {condition} RETURNING access_hash");
        let mut statement = tx.prepare_cached(&sql)?;
        let rows = statement.query_map(values, |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    let count = ended.len();
    if count > 0 {
        let cache = cache.clone();
        tx.after_commit(move || cache.drop_tokens(&ended));
    }
    Ok(count)
}
