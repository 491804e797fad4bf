//! The housekeeping of accounts, sessions and blobs in one call.

use crate::{BlobAges, Store, StoreError, TidiedOAuth};

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Deactivated accounts whose deletion was due.
    pub due: usize,
    /// People who waited too long for an account.
    pub applicants: usize,
    /// Deleted accounts of which nothing is left.
    pub accounts: usize,
    pub sessions: usize,
    pub mail_tokens: usize,
    /// Sessions at the old servers of accounts that move in.
    pub move_sessions: usize,
    pub oauth: TidiedOAuth,
    /// Entries of the operator's log.
    pub acts: usize,
    /// Entries of the histories of accounts.
    pub history: usize,
    pub blobs: usize,
    pub lexicons: usize,
}

impl Store {
    /// Job: deletes what is due, erases who waited in vain, finishes deletions and removes what has expired: sessions, mailed tokens, what
    /// OAuth clients and browsers were given, old entries of the log and of histories, uploads that no record took, lexicons that
    /// nobody asked for in months, and blobs whose last reference went longer ago than the quarantine. Call it
    /// at start and every few minutes. Each step is small, and a later call takes up what an
    /// interrupted one left. A step that fails is logged and counts nothing.
    ///
    /// # Errors
    /// When the store is closed.
    pub async fn tidy(&self) -> Result<Tidied, StoreError> {
        let ages = BlobAges { unreferenced: self.config().blob_quarantine, ..BlobAges::default() };
        Ok(Tidied {
            due: step("accounts to delete", self.delete_due_accounts().await)?,
            applicants: step("people who wait", self.prune_applicants().await)?,
            accounts: step("remains of accounts", self.finish_deletions().await)?,
            sessions: step("sessions", self.prune_sessions().await)?,
            mail_tokens: step("mailed tokens", self.prune_mail_tokens().await)?,
            move_sessions: step("sessions at old servers", self.prune_move_sessions().await)?,
            oauth: step("what oauth gave", self.prune_oauth().await)?,
            acts: step("the log of acts", self.prune_acts().await)?,
            history: step("histories", self.prune_history().await)?,
            blobs: step("blobs", self.collect_blobs(ages).await)?,
            lexicons: step("lexicons", self.prune_lexicons().await)?,
        })
    }
}

/// A step that fails keeps no other from its work. It is logged, and the next call tries it again.
fn step<T: Default>(what: &'static str, done: Result<T, StoreError>) -> Result<T, StoreError> {
    match done {
        Err(StoreError::Closed) => Err(StoreError::Closed),
        Err(err) => {
            tracing::warn!(error = &err as &dyn std::error::Error, what, "cannot tidy");
            Ok(T::default())
        }
        Ok(done) => Ok(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::testing::World;

    #[tokio::test]
    async fn an_account_that_cannot_be_removed_stops_nothing_else() {
        let world = World::new();
        let (alice, bob) = (world.account("alice").await, world.account("bob").await);
        let carol = world.account("carol").await;
        let mut upload = world.store.upload_blob(carol.id, 100).await.unwrap();
        upload.write("nobody's".into()).await.unwrap();
        upload.finish(None).await.unwrap();
        // No folder, so it cannot be removed as one.
        let stuck = world.store.blob_folder().path(alice.id, &cairn_model::Cid::raw_of(b""));
        let stuck = stuck.parent().unwrap();
        std::fs::create_dir_all(stuck.parent().unwrap()).unwrap();
        std::fs::write(stuck, "in the way").unwrap();
        world.store.delete_account(alice.id).await.unwrap();
        world.advance_hours(7);
        world.store.delete_account(bob.id).await.unwrap();

        let tidied = world.store.tidy().await.unwrap();
        assert_eq!(tidied, Tidied { accounts: 1, blobs: 1, ..Tidied::default() });
        std::fs::remove_file(stuck).unwrap();
        let tidied = world.store.tidy().await.unwrap();
        assert_eq!(tidied, Tidied { accounts: 1, ..Tidied::default() });

        world.store.close().await;
        assert!(matches!(world.store.tidy().await, Err(StoreError::Closed)));
    }
}
