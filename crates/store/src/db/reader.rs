//! Readers: a fixed set of threads, each with a read-only connection and its own statement cache.
//!
//! Reads never wait for the writer, and a reader's snapshot never shows half a batch.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use crate::db::tx::ReadTx;
use crate::error::{OpenError, StoreError};

/// Reads that may wait for a thread; a caller waits when there are more.
const QUEUE: usize = 8192;

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// Hands reads to the reader threads.
#[derive(Clone)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    room: Semaphore,
}

struct Queue {
    jobs: VecDeque<ReadJob>,
    sleeping: usize,
    closed: bool,
}

impl Readers {
    pub(crate) fn start(
        name: &str,
        connections: Vec<Connection>,
    ) -> Result<(Readers, Vec<JoinHandle<()>>), OpenError> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { jobs: VecDeque::new(), sleeping: 0, closed: false }),
            ready: Condvar::new(),
            room: Semaphore::new(QUEUE),
        });
        let mut handles = Vec::with_capacity(connections.len());
        for (number, conn) in connections.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            let handle = std::thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || shared.run(&conn))
                .map_err(StoreError::from)?;
            handles.push(handle);
        }
        Ok((Readers { shared }, handles))
    }

    /// Runs `work` on one snapshot.
    pub(crate) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.run(move |conn| in_snapshot(conn, work)).await?
    }

    /// Runs `work` without a transaction: each statement sees its own moment. For reads of one
    /// statement.
    pub(crate) async fn read_one<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.run(move |conn| work(&ReadTx::new(conn))).await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let _room = self.shared.room.acquire().await.map_err(|_| StoreError::Closed)?;
        let (reply, result) = oneshot::channel();
        self.shared.push(Box::new(move |conn| {
            // A caller that has gone away costs nothing.
            if !reply.is_closed() {
                let _ = reply.send(work(conn));
            }
        }))?;
        result.await.map_err(|_| StoreError::Defect)
    }

    /// Lets the threads finish what is queued, then end.
    pub(crate) fn stop(&self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.shared.ready.notify_all();
    }
}

impl Shared {
    fn push(&self, job: ReadJob) -> Result<(), StoreError> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            return Err(StoreError::Closed);
        }
        queue.jobs.push_back(job);
        let wake = queue.sleeping > 0;
        drop(queue);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    fn run(&self, conn: &Connection) {
        while let Some(job) = self.next() {
            // A panic is its caller's: the reply is dropped. The thread goes on for the others.
            let _ = catch_unwind(AssertUnwindSafe(|| job(conn)));
        }
    }

    fn next(&self) -> Option<ReadJob> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue.sleeping += 1;
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.sleeping -= 1;
        }
    }
}

/// A snapshot that ends when this is dropped, by a panic too: the connection goes on.
struct Snapshot<'c>(&'c Connection);

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
        if let Err(err) = ended {
            tracing::error!(
                error = &err as &dyn std::error::Error,
                "a snapshot could not be closed"
            );
        }
    }
}

/// Runs `work` between BEGIN and the end of the snapshot.
pub(crate) fn in_snapshot<T, E: From<StoreError>>(
    conn: &Connection,
    work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let begun = conn.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([]));
    begun.map_err(StoreError::from)?;
    let _ends = Snapshot(conn);
    work(&ReadTx::new(conn))
}
