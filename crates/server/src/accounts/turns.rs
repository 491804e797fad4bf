//! One change of an identity at a time.
//!
//! An operation of did:plc names the one before it, so two that are made at the same time cannot both be right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cairn_model::Did;
use tokio::sync::OwnedMutexGuard;

/// Turns by DID. Those whose turn it is not wait, in the order in which they came.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<Did, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for the turn; dropping what this returns ends it.
    pub async fn take(&self, did: &Did) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(did).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let fresh = Arc::default();
                turns.insert(did.clone(), Arc::downgrade(&fresh));
                fresh
            })
        };
        turn.lock_owned().await
    }
}
