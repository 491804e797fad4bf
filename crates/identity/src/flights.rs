//! One run of the same work at a time, whoever asks for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

/// Work that is running, to be waited for by any number of callers. `None` when it was cut short.
pub type Flight<T> = Shared<BoxFuture<'static, Option<T>>>;

/// What is running, by key. Clones share it.
pub struct Flights<K, T>(Arc<Mutex<Running<K, T>>>);

type Running<K, T> = HashMap<K, Flight<T>>;

/// Takes the work off the list when it ends, however it ends.
struct Landing<K: Eq + Hash, T>(Arc<Mutex<Running<K, T>>>, K);

impl<K: Eq + Hash, T> Drop for Landing<K, T> {
    fn drop(&mut self) {
        lock(&self.0).remove(&self.1);
    }
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Joins what is running for the key, or starts it. The work is a task of its own, so that it ends (and leaves the
    /// list) even when everybody who waited has gone.
    pub fn join(&self, key: &K, work: impl Future<Output = T> + Send + 'static) -> Flight<T> {
        // The task leaves the list under the same lock, so it cannot do so before it is on it.
        let mut running = lock(&self.0);
        if let Some(flight) = running.get(key) {
            return flight.clone();
        }
        let landing = Landing(Arc::clone(&self.0), key.clone());
        let task = tokio::spawn(async move {
            let _landing = landing;
            work.await
        });
        let flight = async move { task.await.ok() }.boxed().shared();
        running.insert(key.clone(), flight.clone());
        flight
    }

    /// How many keys have work running.
    #[must_use]
    pub fn running(&self) -> usize {
        lock(&self.0).len()
    }
}

fn lock<K, T>(running: &Mutex<Running<K, T>>) -> MutexGuard<'_, Running<K, T>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_shared_while_it_runs_and_leaves_the_list_even_by_a_panic() {
        let flights = Flights::<u8, u8>::default();
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        let first = flights.join(&1, async move {
            let _ = gate.await;
            7
        });
        let second = flights.join(&1, async { 8 });
        assert_eq!(flights.running(), 1);
        go.send(()).unwrap();
        assert_eq!((first.await, second.await), (Some(7), Some(7)));
        assert_eq!(flights.join(&1, async { panic!("as this test wants it") }).await, None);
        assert_eq!(flights.running(), 0);
    }
}
