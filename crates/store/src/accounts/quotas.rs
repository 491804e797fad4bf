//! How much of the disk an account may take.
//!
//! Blobs count from the upload until their bytes are gone, also while they are temporary or in quarantine. A repository counts
//! with its records and the nodes of its tree.

use super::{AccountError, AccountRef};
use crate::{Store, StoreError};

/// Bounds in bytes. In an account, none is the server's default; as that default, none is no bound. Zero is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    pub blob_bytes: Option<u64>,
    pub repo_bytes: Option<u64>,
}

impl Quotas {
    /// What holds for an account: `self` where it says something, else the defaults. None is no bound.
    #[must_use]
    pub fn or(self, defaults: Self) -> Self {
        let bound = |own: Option<u64>, default: Option<u64>| own.or(default).filter(|b| *b > 0);
        Self {
            blob_bytes: bound(self.blob_bytes, defaults.blob_bytes),
            repo_bytes: bound(self.repo_bytes, defaults.repo_bytes),
        }
    }
}

/// A quota as a row has it. No disk has more bytes than an `i64` counts.
pub(crate) fn quota_row(quota: Option<u64>) -> Option<i64> {
    quota.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

impl Store {
    /// Sets what an account may take. What it has beyond that stays.
    pub async fn set_quotas(
        &self,
        account: impl Into<AccountRef>,
        quotas: Quotas,
    ) -> Result<(), AccountError> {
        self.change_account(account, move |tx, account| {
            tx.prepare_cached("UPDATE account SET blob_quota = ?2, repo_quota = ?3 WHERE id = ?1")
                .and_then(|mut statement| {
                    let (blob, repo) = (quota_row(quotas.blob_bytes), quota_row(quotas.repo_bytes));
                    statement.execute((account.id.get(), blob, repo))
                })
                .map_err(StoreError::from)?;
            Ok(())
        })
        .await
    }

    /// What accounts may take that have no quotas of their own; none is no bound.
    pub fn default_quotas(&self) -> Quotas {
        Quotas::default().or(self.config().quotas)
    }
}
