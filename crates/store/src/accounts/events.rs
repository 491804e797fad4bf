//! `#identity` and `#account` events.

use cairn_model::{Datetime, Did, Handle};
use cairn_repo::frame;

use super::AccountStatus;
use crate::{AccountId, EventKind, StoreError, WriteTx};

/// What stands for the handle of an account that has none.
const INVALID_HANDLE: &str = "handle.invalid";

/// Tells consumers to look at the DID document again.
pub(super) fn emit_identity(
    tx: &mut WriteTx<'_>,
    id: AccountId,
    did: &Did,
    handle: Option<&Handle>,
) -> Result<(), StoreError> {
    let handle = handle.map_or(INVALID_HANDLE, Handle::as_str);
    let time = Datetime::from_timestamp(tx.now());
    tx.emit(id, EventKind::Identity, frame::identity(did, Some(handle), time.as_str()))?;
    Ok(())
}

/// Tells consumers the state of the account.
pub(super) fn emit_account(
    tx: &mut WriteTx<'_>,
    id: AccountId,
    did: &Did,
    status: AccountStatus,
) -> Result<(), StoreError> {
    emit(tx, id, did, status.is_active(), status.as_str())
}

/// Tells consumers that the account is gone.
pub(super) fn emit_deleted(
    tx: &mut WriteTx<'_>,
    id: AccountId,
    did: &Did,
) -> Result<(), StoreError> {
    emit(tx, id, did, false, Some("deleted"))
}

fn emit(
    tx: &mut WriteTx<'_>,
    id: AccountId,
    did: &Did,
    active: bool,
    status: Option<&str>,
) -> Result<(), StoreError> {
    let time = Datetime::from_timestamp(tx.now());
    tx.emit(id, EventKind::Account, frame::account(did, active, status, time.as_str()))?;
    Ok(())
}
