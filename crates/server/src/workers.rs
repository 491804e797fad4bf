//! Threads for work that keeps a core busy: password hashing above all.
//!
//! As many as there are cores, up to [`MAX_THREADS`], and always the same ones: each keeps the memory of a password
//! hash, 19 MiB, from one to the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

/// Jobs that may wait. Each is a request of somebody who waits too; beyond this it is better to be told.
const QUEUE: usize = 1_024;

/// Some 400 hashes a second, and less than 80 MiB that stay.
const MAX_THREADS: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

pub(crate) struct Workers {
    queue: mpsc::SyncSender<Job>,
}

/// Why work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WorkError {
    #[error("too much work waits already")]
    Busy,
    #[error("the work panicked")]
    Panicked,
}

impl Workers {
    /// Starts the threads; they end when this is dropped.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        let cores = thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..cores.min(MAX_THREADS) {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name("cairn-work".into()).spawn(move || work(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// Has `work` done. If the caller is dropped, work that has not begun is left out.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let (answer, result) = oneshot::channel();
        let job = move || {
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        };
        self.queue.try_send(Box::new(job)).map_err(|_| WorkError::Busy)?;
        result.await.map_err(|_| WorkError::Panicked)
    }
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // The caller hears of a panic by its dropped channel; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_and_a_panic_harms_nobody_else() {
        let workers = Workers::start().unwrap();
        assert_eq!(workers.run(|| 2 + 2).await, Ok(4));
        for _ in 0..64 {
            assert_eq!(
                workers.run(|| -> u32 { panic!("on purpose") }).await,
                Err(WorkError::Panicked)
            );
        }
        assert_eq!(workers.run(|| 5).await, Ok(5));
    }
}
