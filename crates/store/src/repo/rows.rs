//! CIDs, revs and paths as they stand in rows.

use cairn_model::{Cid, Codec, Tid};
use rusqlite::types::ValueRef;

use crate::error::StoreError;

/// The CID of a record, node or commit from its stored digest.
pub(crate) fn cid_of(value: ValueRef<'_>) -> Result<Cid, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged { what: "cid" };
    let digest: &[u8] = value.as_blob().map_err(|_| DAMAGED)?;
    Ok(Cid::new(Codec::DagCbor, digest.try_into().map_err(|_| DAMAGED)?))
}

/// A rev from its stored number.
pub(crate) fn rev_of(number: i64) -> Result<Tid, StoreError> {
    u64::try_from(number).ok().and_then(Tid::from_u64).ok_or(StoreError::Damaged { what: "rev" })
}

/// The stored form of a rev. A TID's first bit is zero.
pub(crate) fn rev_row(rev: Tid) -> i64 {
    i64::try_from(rev.as_u64()).unwrap_or(i64::MAX)
}
