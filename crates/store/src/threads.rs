//! The threads of a store, and the order in which they end.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::config::StoreConfig;
use crate::db::checkpoint::Checkpoints;
use crate::db::connection::Opener;
use crate::db::lock::DirLock;
use crate::db::writer::WriterParts;
use crate::db::{Readers, Writer};
use crate::error::OpenError;
use crate::events::EventRing;

/// What ends a group of threads once they have finished what is queued.
type Stop = Box<dyn Fn() + Send>;

/// Runs the threads; dropping it ends them.
pub(crate) struct Threads {
    running: Mutex<Option<Running>>,
}

/// Groups in the order in which they were started. They end in reverse: users before what they use.
/// The writer and the checkpointer close their connections last, and the engine then moves the log
/// into the database file.
struct Running {
    groups: Vec<(Stop, Vec<JoinHandle<()>>)>,
    _lock: DirLock,
}

impl Threads {
    pub(crate) fn new(lock: DirLock) -> Threads {
        Threads { running: Mutex::new(Some(Running { groups: Vec::new(), _lock: lock })) }
    }

    /// Adds a group of threads and what ends them.
    pub(crate) fn add(&self, handles: Vec<JoinHandle<()>>, stop: impl Fn() + Send + 'static) {
        if let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            running.groups.push((Box::new(stop), handles));
        }
    }

    pub(crate) fn start_writer(
        &self,
        conn: Connection,
        opener: &Opener,
        ring: &Arc<EventRing>,
        config: &StoreConfig,
    ) -> Result<Writer, OpenError> {
        let (checkpoints, handle) = Checkpoints::start(opener.checkpointer()?, &config.tuning)?;
        let stopping = Arc::clone(&checkpoints);
        self.add(vec![handle], move || stopping.stop());
        let (writer, handle) = Writer::start(WriterParts {
            conn,
            clock: Arc::clone(&config.clock),
            ring: Arc::clone(ring),
            checkpoints,
            batch_jobs: config.tuning.batch_jobs.max(1),
        })?;
        let (stopping, ring) = (writer.clone(), Arc::clone(ring));
        self.add(vec![handle], move || {
            stopping.stop();
            ring.close();
        });
        Ok(writer)
    }

    pub(crate) fn start_readers(
        &self,
        name: &str,
        opener: &Opener,
        count: usize,
    ) -> Result<Readers, OpenError> {
        let connections =
            (0..count.max(1)).map(|_| opener.reader()).collect::<Result<Vec<_>, _>>()?;
        let (readers, handles) = Readers::start(name, connections)?;
        let stopping = readers.clone();
        self.add(handles, move || stopping.stop());
        Ok(readers)
    }

    /// Ends all threads and releases the directory. Blocks; the second call does nothing.
    pub(crate) fn stop(&self) {
        let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
        else {
            return;
        };
        let this_thread = std::thread::current().id();
        for (stop, handles) in running.groups.into_iter().rev() {
            stop();
            for handle in handles {
                // The last clone of a store may be dropped by a job on one of its own threads.
                if handle.thread().id() != this_thread && handle.join().is_err() {
                    tracing::error!("a thread of the store panicked");
                }
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}
