//! A repository as a CAR, streamed in the order of the spec in constant memory.
//! https://atproto.com/specs/repository#car-file-serialization
//!
//! The rows of a repository lie in the order of an export: for each key its record, then the nodes
//! that stand there from the top layer down. So an export is one range scan.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn_model::Tid;
use cairn_repo::car;
use rusqlite::{Connection, Row};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::head::{self, Current};
use super::pace::is_too_slow;
use super::rows::{cid_of, rev_row};
use super::scan;
use crate::config::Tuning;
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::store::Store;

/// Bytes after which a chunk is sent.
const CHUNK_BYTES: usize = 128 * 1024;

/// Chunks that may wait for the reader.
const CHUNKS: usize = 2;

/// A repository on its way out. Dropping it ends the export.
pub struct Export {
    chunks: mpsc::Receiver<Bytes>,
    end: Arc<OnceLock<Result<(), StoreError>>>,
    head: head::Head,
    car_bytes: Option<u64>,
}

impl Export {
    /// The next part of the CAR; none at the end.
    ///
    /// # Errors
    /// After an error the CAR is not complete.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        match self.end.get() {
            Some(Ok(())) => Ok(None),
            Some(Err(err)) => Err(err.clone()),
            None => Err(StoreError::Closed),
        }
    }

    /// What is exported.
    pub fn head(&self) -> &head::Head {
        &self.head
    }

    /// How large the CAR will be; none unless it was asked for ([`Store::export_measured`]).
    pub fn car_bytes(&self) -> Option<u64> {
        self.car_bytes
    }
}

/// Which part of a repository, and whether its size is to be known before its bytes.
#[derive(Clone, Copy)]
struct Wanted {
    since: Option<Tid>,
    measured: bool,
}

impl Store {
    /// Exports an account's repository as of this moment; with `since`, only the blocks that were
    /// written in later revs, or all if an import has replaced the repository of that rev. None when the account has no repository.
    pub async fn export(
        &self,
        account: AccountId,
        since: Option<Tid>,
    ) -> Result<Option<Export>, StoreError> {
        self.begin_export(account, Wanted { since, measured: false }).await
    }

    /// The same for the whole repository, with its size known before its first byte: that takes one more look at all rows.
    pub async fn export_measured(&self, account: AccountId) -> Result<Option<Export>, StoreError> {
        self.begin_export(account, Wanted { since: None, measured: true }).await
    }

    async fn begin_export(
        &self,
        account: AccountId,
        wanted: Wanted,
    ) -> Result<Option<Export>, StoreError> {
        let turn = self.scans().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let opener = self.opener().clone();
        let begun = tokio::task::spawn_blocking(move || {
            let conn = scan::open(&opener)?;
            conn.execute_batch("BEGIN")?;
            let current = head::current(&conn, account)?;
            let Some(current) = current else { return Ok(None) };
            let size = if wanted.measured { Some(measure(&conn, &current)?) } else { None };
            Ok::<_, StoreError>(Some((conn, current, size)))
        });
        let Some((conn, current, car_bytes)) = begun.await.map_err(|_| StoreError::Closed)?? else {
            return Ok(None);
        };
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let head = current.head;
        let end = Arc::new(OnceLock::new());
        let told = Arc::clone(&end);
        let mut outlet = Outlet::new(sender, &self.config().tuning, turn);
        tokio::task::spawn_blocking(move || {
            let result = scan_rows(&conn, &current, wanted.since, &mut outlet);
            if let Err(Stop::Failed(err)) = &result {
                tracing::warn!(error = err as &dyn std::error::Error, "an export ended early");
            }
            // Before the channel closes, which happens as the outlet is dropped.
            let _ = told.set(result.or_else(Stop::into_result));
        });
        Ok(Some(Export { chunks, end, head, car_bytes }))
    }
}

/// Why an export ends early.
enum Stop {
    /// Nobody wants the rest, or takes it too slowly.
    Gone,
    Failed(StoreError),
}

impl Stop {
    fn into_result(self) -> Result<(), StoreError> {
        match self {
            Stop::Gone => Err(StoreError::Closed),
            Stop::Failed(err) => Err(err),
        }
    }
}

impl<E: Into<StoreError>> From<E> for Stop {
    fn from(err: E) -> Stop {
        Stop::Failed(err.into())
    }
}

/// The size of the CAR of everything.
fn measure(conn: &Connection, current: &Current) -> Result<u64, StoreError> {
    let mut header = Vec::new();
    car::write_header(&[current.head.commit], &mut header);
    let mut total = header.len() + car::block_len(current.bytes.len());
    let mut statement = conn.prepare("SELECT length(bytes) FROM tree WHERE repo = ?1")?;
    let mut rows = statement.query([current.id.0])?;
    while let Some(row) = rows.next()? {
        let bytes = usize::try_from(row.get::<_, i64>(0)?).map_err(|_| DAMAGED)?;
        total += car::block_len(bytes);
    }
    Ok(total as u64)
}

fn scan_rows(
    conn: &Connection,
    current: &Current,
    since: Option<Tid>,
    outlet: &mut Outlet,
) -> Result<(), Stop> {
    car::write_header(&[current.head.commit], &mut outlet.buffer);
    car::write_block(&current.head.commit, &current.bytes, &mut outlet.buffer);
    // Of rows that an import brought, the rev says nothing about when they came here.
    let since = since.filter(|since| *since >= current.first_rev).map_or(i64::MIN, rev_row);
    let mut statement = conn.prepare(
        "SELECT cid, bytes FROM tree WHERE repo = ?1 AND rev > ?2 ORDER BY key, layer DESC",
    )?;
    let mut rows = statement.query((current.id.0, since))?;
    while let Some(row) = rows.next()? {
        outlet.block(row)?;
    }
    outlet.flush()
}

const DAMAGED: StoreError = StoreError::Damaged { what: "block" };

/// Collects blocks into chunks and sends them, no faster than they are taken.
struct Outlet {
    buffer: Vec<u8>,
    chunks: mpsc::Sender<Bytes>,
    runtime: Handle,
    stall: Duration,
    stall_crowded: Duration,
    /// A reader that is too slow is given up: it holds a snapshot, and the log cannot begin anew
    /// meanwhile.
    slow: Duration,
    begun: Instant,
    sent_bytes: u64,
    turn: OwnedSemaphorePermit,
}

impl Outlet {
    fn new(chunks: mpsc::Sender<Bytes>, tuning: &Tuning, turn: OwnedSemaphorePermit) -> Outlet {
        Outlet {
            buffer: Vec::with_capacity(CHUNK_BYTES * 2),
            chunks,
            runtime: Handle::current(),
            stall: tuning.export_stall,
            stall_crowded: tuning.export_stall_crowded,
            slow: tuning.slow_transfer,
            begun: Instant::now(),
            sent_bytes: 0,
            turn,
        }
    }

    /// Adds the block of a row of (cid, bytes).
    fn block(&mut self, row: &Row<'_>) -> Result<(), Stop> {
        let cid = cid_of(row.get_ref(0)?)?;
        let bytes = row.get_ref(1)?.as_blob().map_err(|_| DAMAGED)?;
        car::write_block(&cid, bytes, &mut self.buffer);
        if self.buffer.len() < CHUNK_BYTES {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES * 2));
        self.sent_bytes += chunk.len() as u64;
        if is_too_slow(self.sent_bytes, self.begun.elapsed(), self.slow) {
            return Err(Stop::Failed(StoreError::Abandoned));
        }
        match self.chunks.try_send(Bytes::from(chunk)) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Stop::Gone),
            Err(mpsc::error::TrySendError::Full(chunk)) => self.wait(chunk),
        }
    }

    /// A reader that takes nothing has less time while all turns are taken: a few such readers must
    /// not keep everybody else from exporting.
    fn wait(&self, chunk: Bytes) -> Result<(), Stop> {
        let mut waited = Duration::ZERO;
        while waited < self.stall {
            let step = self.stall_crowded.min(self.stall - waited);
            let place = tokio::time::timeout(step, self.chunks.reserve());
            match self.runtime.block_on(place) {
                Ok(Ok(place)) => {
                    place.send(chunk);
                    return Ok(());
                }
                Ok(Err(_)) => return Err(Stop::Gone),
                Err(_) => waited += step,
            }
            if self.turn.semaphore().available_permits() == 0 {
                break;
            }
        }
        Err(Stop::Failed(StoreError::Abandoned))
    }
}
