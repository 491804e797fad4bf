//! Who may import now. An import has a thread and a file for as long as its client sends, so they are
//! counted apart from reads, and an account has one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ImportError;
use crate::error::StoreError;
use crate::ids::AccountId;

/// Imports at once; more wait for their turn.
const IMPORTS: usize = 16;

/// How long an import waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hands out turns.
#[derive(Clone)]
pub(crate) struct ImportTurns {
    places: Arc<Semaphore>,
    accounts: Arc<Mutex<HashSet<AccountId>>>,
}

/// The right to import, until it is dropped.
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
    _claim: Claim,
}

struct Claim {
    account: AccountId,
    accounts: Arc<Mutex<HashSet<AccountId>>>,
}

impl ImportTurns {
    pub(crate) fn new() -> ImportTurns {
        ImportTurns { places: Arc::new(Semaphore::new(IMPORTS)), accounts: Arc::default() }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`ImportError::UnderWay`] when the account has one, [`ImportError::Crowded`] when none gets
    /// free.
    pub(super) async fn take(&self, account: AccountId) -> Result<Turn, ImportError> {
        let is_first = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(account);
        if !is_first {
            return Err(ImportError::UnderWay);
        }
        let claim = Claim { account, accounts: Arc::clone(&self.accounts) };
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
        let place = place.await.map_err(|_| ImportError::Crowded)?;
        let place = place.map_err(|_| StoreError::Closed)?;
        Ok(Turn { _place: place, _claim: claim })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}
