//! The one writer: group commit on a thread that owns the writing connection.
//!
//! It takes everything that has queued, runs it as one transaction, commits with one sync,
//! publishes the events in order, then answers the callers. Nothing is answered and nothing is
//! published before the sync.
//!
//! A job that refuses (an error of its domain) before it changed a row concerns nobody else. A job
//! that fails after it changed rows spoils the transaction: the batch is rolled back and its jobs
//! run again, each in a transaction of its own, so that only the culprit fails. Jobs must therefore
//! be able to run twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread::JoinHandle;

use cairn_identity::Clock;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::db::checkpoint::Checkpoints;
use crate::db::tx::WriteTx;
use crate::error::{OpenError, StoreError};
use crate::events::EventRing;

/// Jobs that may wait for the writer; a caller waits when there are more.
const QUEUE: usize = 4096;

/// Whether a job is to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// Its changes belong into the batch.
    Done,
    /// It failed. If it changed no row, the batch goes on without it.
    Refused,
}

/// A unit of work for the writer.
pub(crate) trait Job: Send {
    /// Runs the statements; keeps the result for [`Job::answer`]. May be called again after a
    /// roll-back.
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Ran;

    /// Told once, when the fate of the batch is known: the result that `run` kept is durable, or
    /// `Err` says why not.
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

/// Hands jobs to the writer thread.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    stopping: Arc<AtomicBool>,
}

/// What the writer thread needs.
pub(crate) struct WriterParts {
    pub(crate) conn: Connection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ring: Arc<EventRing>,
    pub(crate) checkpoints: Arc<Checkpoints>,
    pub(crate) batch_jobs: usize,
}

impl Writer {
    pub(crate) fn start(parts: WriterParts) -> Result<(Writer, JoinHandle<()>), OpenError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let log_pages = Arc::new(AtomicI32::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let pages = Arc::clone(&log_pages);
        let last_seq = parts.ring.head_seq();
        let mut thread = Thread { parts, last_seq, log_pages, stopping: Arc::clone(&stopping) };
        thread.parts.conn.wal_hook(Some(move |_: &mut _, n| {
            pages.store(n, Ordering::Relaxed);
            Ok(())
        }))?;
        let handle = std::thread::Builder::new()
            .name("cairn-writer".to_owned())
            .spawn(move || thread.run(queue))
            .map_err(StoreError::from)?;
        Ok((Writer { jobs, stopping }, handle))
    }

    /// Queues a job from async code; waits while the queue is full.
    pub(crate) async fn send(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)
    }

    /// Queues a job from a thread that may block. Gives it back when the writer is gone.
    pub(crate) fn send_blocking(&self, job: Box<dyn Job>) -> Result<(), Box<dyn Job>> {
        self.jobs.blocking_send(job).map_err(|unsent| unsent.0)
    }

    /// Lets the thread finish what is queued, then end. What is sent later is refused.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the thread if it sleeps; when the queue is full it does not.
        let _ = self.jobs.try_send(Box::new(Wake));
    }

    /// Runs `work` in the writer's transaction. It may run twice, see the module.
    pub(crate) async fn write_tx<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        self.send(Box::new(Closure { work, result: None, reply })).await?;
        result.await.map_err(|_| StoreError::Closed)?
    }

    /// The same from a thread that may block.
    pub(crate) fn write_tx_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        self.send_blocking(Box::new(Closure { work, result: None, reply }))
            .map_err(|_| StoreError::Closed)?;
        result.blocking_recv().map_err(|_| StoreError::Closed)?
    }
}

/// Does nothing.
struct Wake;

impl Job for Wake {
    fn run(&mut self, _: &mut WriteTx<'_>) -> Ran {
        Ran::Done
    }

    fn answer(self: Box<Self>, _: Result<(), StoreError>) {}
}

/// A job made of a closure.
struct Closure<T, E, F> {
    work: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Closure<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
{
    fn run(&mut self, tx: &mut WriteTx<'_>) -> Ran {
        let result = (self.work)(tx);
        let ran = if result.is_ok() { Ran::Done } else { Ran::Refused };
        self.result = Some(result);
        ran
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let result = match (fate, self.result) {
            (Err(err), _) => Err(err.into()),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Closed.into()),
        };
        // The caller may have gone away.
        let _ = self.reply.send(result);
    }
}

struct Thread {
    parts: WriterParts,
    last_seq: u64,
    log_pages: Arc<AtomicI32>,
    stopping: Arc<AtomicBool>,
}

/// Why a batch has to be run again job by job.
struct Spoilt;

impl Thread {
    fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::new();
        while let Some(job) = queue.blocking_recv() {
            batch.push(job);
            if self.stopping.load(Ordering::Acquire) {
                queue.close();
            }
            while batch.len() < self.parts.batch_jobs {
                let Ok(job) = queue.try_recv() else { break };
                batch.push(job);
            }
            self.batch(&mut batch);
            self.parts
                .checkpoints
                .after_batch(&self.parts.conn, self.log_pages.load(Ordering::Relaxed));
        }
    }

    fn batch(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        match self.together(batch) {
            Ok(fate) => answer(batch.drain(..), &fate),
            Err(Spoilt) => {
                for job in batch.drain(..) {
                    self.alone(job);
                }
            }
        }
    }

    /// Runs the batch as one transaction.
    fn together(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Result<(), StoreError>, Spoilt> {
        if let Err(err) = self.begin() {
            return Ok(Err(err));
        }
        let conn = &self.parts.conn;
        let mut tx = WriteTx::new(conn, self.parts.clock.now(), self.last_seq);
        for job in batch {
            let mark = tx.mark();
            let changes = conn.total_changes();
            let Some(ran) = run(job, &mut tx) else {
                roll_back(conn);
                return Err(Spoilt);
            };
            let refused = ran == Ran::Refused;
            // Out of room or on an I/O error the engine may end the transaction by itself.
            if conn.is_autocommit() || (refused && conn.total_changes() != changes) {
                roll_back(conn);
                return Err(Spoilt);
            }
            if refused {
                tx.rewind(&mark);
            }
        }
        Ok(commit(&self.parts, tx, &mut self.last_seq))
    }

    fn alone(&mut self, mut job: Box<dyn Job>) {
        if let Err(err) = self.begin() {
            return job.answer(Err(err));
        }
        let conn = &self.parts.conn;
        let mut tx = WriteTx::new(conn, self.parts.clock.now(), self.last_seq);
        match run(&mut job, &mut tx) {
            Some(Ran::Done) => {}
            refused => {
                roll_back(conn);
                // A refused job's own error is its answer.
                return job.answer(refused.map(|_| ()).ok_or(StoreError::Defect));
            }
        }
        let fate = commit(&self.parts, tx, &mut self.last_seq);
        job.answer(fate);
    }

    fn begin(&self) -> Result<(), StoreError> {
        let conn = &self.parts.conn;
        if !conn.is_autocommit() {
            roll_back(conn);
        }
        Ok(conn.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(|_| ())?)
    }
}

/// Runs a job; none if it panicked. Whatever it left half done is rolled back.
fn run(job: &mut Box<dyn Job>, tx: &mut WriteTx<'_>) -> Option<Ran> {
    catch_unwind(AssertUnwindSafe(|| job.run(tx))).ok()
}

/// Commits, then publishes. On failure nothing has happened and nothing is published.
fn commit(parts: &WriterParts, tx: WriteTx<'_>, last_seq: &mut u64) -> Result<(), StoreError> {
    let conn = &parts.conn;
    let seq = tx.last_seq();
    let effects = tx.into_effects();
    if let Err(err) = conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])) {
        tracing::error!(
            error = &err as &dyn std::error::Error,
            "a batch of writes could not be committed"
        );
        roll_back(conn);
        return Err(err.into());
    }
    *last_seq = seq;
    parts.ring.publish(effects.emitted);
    for (account, until) in effects.hidden {
        parts.ring.hide(account, until);
    }
    for action in effects.after_commit {
        action();
    }
    Ok(())
}

fn roll_back(conn: &Connection) {
    if !conn.is_autocommit()
        && let Err(err) = conn.execute_batch("ROLLBACK")
    {
        tracing::error!(
            error = &err as &dyn std::error::Error,
            "a batch of writes could not be rolled back"
        );
    }
}

fn answer(jobs: impl Iterator<Item = Box<dyn Job>>, fate: &Result<(), StoreError>) {
    for job in jobs {
        job.answer(fate.clone());
    }
}
