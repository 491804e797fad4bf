//! The housekeeping of accounts, sessions and blobs in one call.

use crate::{BlobAges, Store, StoreError, TidiedOAuth};

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Deactivated accounts whose deletion was due.
    pub due: usize,
    /// Deleted accounts of which nothing is left.
    pub accounts: usize,
    pub sessions: usize,
    pub mail_tokens: usize,
    pub oauth: TidiedOAuth,
    /// Entries of the operator's log.
    pub acts: usize,
    pub blobs: usize,
    pub lexicons: usize,
}

impl Store {
    /// Job: deletes what is due, finishes deletions and removes what has expired: sessions, mailed tokens, what
    /// OAuth clients and browsers were given, old entries of the log, uploads that no record took, lexicons that
    /// nobody asked for in months, and blobs whose last reference went longer ago than the quarantine. Call it
    /// at start and every few minutes. Each step is small, and a later call takes up what an
    /// interrupted one left.
    pub async fn tidy(&self) -> Result<Tidied, StoreError> {
        let ages = BlobAges { unreferenced: self.config().blob_quarantine, ..BlobAges::default() };
        Ok(Tidied {
            due: self.delete_due_accounts().await?,
            accounts: self.finish_deletions().await?,
            sessions: self.prune_sessions().await?,
            mail_tokens: self.prune_mail_tokens().await?,
            oauth: self.prune_oauth().await?,
            acts: self.prune_acts().await?,
            blobs: self.collect_blobs(ages).await?,
            lexicons: self.prune_lexicons().await?,
        })
    }
}
