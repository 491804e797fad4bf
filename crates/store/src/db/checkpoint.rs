//! Moves pages from the write-ahead log into the database file without stalling the writer.
//!
//! A background thread does the bulk of the work with passive checkpoints. The log can only begin
//! anew when all of it has been moved, which never happens by itself while writes go on; so the
//! writer moves the small rest between two batches. When a reader pins the log for so long that it
//! grows past a limit, the writer waits for it, briefly.
//! https://sqlite.org/wal.html#avoiding_excessively_large_wal_files

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use crate::config::Tuning;
use crate::db::connection;
use crate::error::{OpenError, StoreError};

/// How long the writer waits for readers that keep the log from beginning anew.
const MAX_STALL: Duration = Duration::from_millis(50);

/// The agreement between the writer and the checkpointer.
pub(crate) struct Checkpoints {
    start_at: i32,
    limit: i32,
    wake: Mutex<Option<SyncSender<()>>>,
    /// A background pass is running or asked for.
    busy: AtomicBool,
    /// Pages that the last background pass moved; zero when the writer has taken note.
    moved: AtomicI32,
    /// The log size at which the writer waits for readers next.
    wait_at: AtomicI32,
}

impl Checkpoints {
    /// Starts the background thread on its own connection.
    pub(crate) fn start(
        conn: Connection,
        tuning: &Tuning,
    ) -> Result<(Arc<Checkpoints>, JoinHandle<()>), OpenError> {
        let (wake, woken) = sync_channel(1);
        let checkpoints = Arc::new(Checkpoints {
            start_at: tuning.checkpoint_pages.max(1),
            limit: tuning.log_limit_pages.max(tuning.checkpoint_pages).max(1),
            wake: Mutex::new(Some(wake)),
            busy: AtomicBool::new(false),
            moved: AtomicI32::new(0),
            wait_at: AtomicI32::new(tuning.log_limit_pages),
        });
        let shared = Arc::clone(&checkpoints);
        let handle = std::thread::Builder::new()
            .name("cairn-checkpoint".to_owned())
            .spawn(move || shared.run(&conn, &woken))
            .map_err(StoreError::from)?;
        Ok((checkpoints, handle))
    }

    /// Called by the writer between batches with the present size of the log.
    pub(crate) fn after_batch(&self, conn: &Connection, log_pages: i32) {
        if log_pages < self.start_at {
            self.wait_at.store(self.limit, Ordering::Relaxed);
            return;
        }
        let moved = self.moved.swap(0, Ordering::AcqRel);
        if moved > 0 && log_pages.saturating_sub(moved) < self.start_at {
            checkpoint(conn, CheckpointMode::PASSIVE);
        } else if log_pages >= self.wait_at.load(Ordering::Relaxed) {
            restart(conn);
            // A reader that still pins the log is not waited for at every batch.
            self.wait_at.store(log_pages.saturating_add(self.limit / 4), Ordering::Relaxed);
        } else if !self.busy.swap(true, Ordering::AcqRel) {
            let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(wake) = wake.as_ref() {
                // The channel holds one wake-up, and `busy` says there is none.
                let _ = wake.try_send(());
            }
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn run(&self, conn: &Connection, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            let moved = checkpoint(conn, CheckpointMode::PASSIVE);
            self.moved.store(moved, Ordering::Release);
            self.busy.store(false, Ordering::Release);
        }
    }
}

/// Waits for readers, but not long: all writes wait meanwhile.
fn restart(conn: &Connection) {
    let patient = conn.busy_timeout(MAX_STALL).and_then(|()| {
        checkpoint(conn, CheckpointMode::RESTART);
        conn.busy_timeout(connection::BUSY_TIMEOUT)
    });
    if let Err(err) = patient {
        tracing::warn!(error = &err as &dyn std::error::Error, "a timeout could not be set");
    }
}

/// Returns how many pages of the log are in the database file now.
pub(crate) fn checkpoint(conn: &Connection, mode: CheckpointMode) -> i32 {
    match conn.wal_checkpoint_v2(None::<&str>, mode) {
        Ok((_, moved)) => moved.max(0),
        // A reader or the other checkpoint is at work: the next round does it.
        Err(err) if err.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => 0,
        Err(err) => {
            tracing::warn!(error = &err as &dyn std::error::Error, "a checkpoint failed");
            0
        }
    }
}
