//! Opening and closing a store, and the ways into its threads.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cairn_identity::Clock;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::accounts::AccountCache;
use crate::accounts::secrets::open_master_key;
use crate::blobs::BlobFolder;
use crate::config::StoreConfig;
use crate::db::connection::Opener;
use crate::db::lock::DirLock;
use crate::db::{ReadTx, Readers, WriteTx, Writer};
use crate::error::{OpenError, StoreError};
use crate::events::{EventLog, EventRing, Pages, table};
use crate::janitor::Janitor;
use crate::oauth::AccessCache;
use crate::repo::{ImportTurns, Repos, generations};
use crate::seal::MasterKey;
use crate::space::Space;
use crate::threads::Threads;

/// Threads that page the event log for subscribers who are behind.
const PAGERS: usize = 2;

/// Exports and other long reads at once; more wait for their turn.
const SCANS: usize = 128;

/// A Cairn server's state. Cheap to clone; all clones are the same store.
///
/// Dropping the last clone closes it and blocks until that is done; [`Store::close`] does it
/// without blocking.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    config: StoreConfig,
    opener: Opener,
    master_key: Arc<MasterKey>,
    writer: Writer,
    readers: Readers,
    events: EventLog,
    repos: Repos,
    janitor: Janitor,
    scans: Arc<Semaphore>,
    import_turns: ImportTurns,
    accounts: AccountCache,
    access: AccessCache,
    blobs: BlobFolder,
    space: Space,
    /// Last, so that it is dropped after everything that sends to a thread.
    threads: Threads,
}

impl Store {
    /// Opens the store, making it if there is none, and finishes what a crash left half done.
    /// Blocks.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another process has the directory.
    pub fn open(config: StoreConfig) -> Result<Store, OpenError> {
        for dir in [&config.dir, &config.blob_dir] {
            fs::create_dir_all(dir).map_err(|source| io_error(dir, source))?;
        }
        let lock = DirLock::acquire(&config.dir)?;
        let opener = Opener::new(&config.dir, &config.tuning);
        let conn = opener.writer()?;
        generations::abandon_staged(&conn)?;
        let master_key = Arc::new(open_master_key(&conn, &config.master_key_file)?);
        let blobs = BlobFolder::open(&config.blob_dir)
            .map_err(|source| io_error(&config.blob_dir, source))?;
        let threads = Threads::new(lock);
        let ring = Arc::new(ring(&conn, &config)?);
        let writer = threads.start_writer(conn, &opener, &ring, &config)?;
        let readers = threads.start_readers("cairn-read", &opener, config.readers)?;
        let pager = threads.start_readers("cairn-replay", &opener, PAGERS)?;
        let events = EventLog { ring, pager, pages: Pages::default() };
        let repos = Repos::start(&threads, &config, &opener, &writer, &master_key)?;
        let janitor = Janitor::start(&threads, &config, &writer, &events)?;
        let accounts = AccountCache::new();
        let access = AccessCache::new();
        let space = Space::new(&config);
        Ok(Store {
            inner: Arc::new(Inner {
                config,
                opener,
                master_key,
                writer,
                readers,
                events,
                repos,
                janitor,
                scans: Arc::new(Semaphore::new(SCANS)),
                import_turns: ImportTurns::new(),
                accounts,
                access,
                blobs,
                space,
                threads,
            }),
        })
    }

    /// Finishes what is queued, moves the log into the database file and releases the directory.
    /// Later calls on any clone fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        let store = self.clone();
        let closing = tokio::task::spawn_blocking(move || store.inner.threads.stop());
        if let Err(err) = closing.await {
            tracing::error!(error = &err as &dyn std::error::Error, "closing the store failed");
        }
    }

    /// The event log.
    pub fn events(&self) -> EventLog {
        self.inner.events.clone()
    }

    /// Runs `work` in the writer's transaction and returns when it is durable.
    ///
    /// An error of `work` undoes what it did. It must not depend on running once: it runs again
    /// when another job of its batch spoils the transaction.
    pub(crate) async fn write_tx<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.write_tx(work).await
    }

    /// Runs `work` on one snapshot, on a reader thread.
    pub(crate) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.readers.read(work).await
    }

    /// The same for reads of a single statement: spares the transaction.
    pub(crate) async fn read_one<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.readers.read_one(work).await
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.inner.config
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.config.clock
    }

    pub(crate) fn opener(&self) -> &Opener {
        &self.inner.opener
    }

    pub(crate) fn master_key(&self) -> &Arc<MasterKey> {
        &self.inner.master_key
    }

    pub(crate) fn account_cache(&self) -> &AccountCache {
        &self.inner.accounts
    }

    pub(crate) fn access_cache(&self) -> &AccessCache {
        &self.inner.access
    }

    pub(crate) fn blob_folder(&self) -> &BlobFolder {
        &self.inner.blobs
    }

    pub(crate) fn space(&self) -> &Space {
        &self.inner.space
    }

    pub(crate) fn repos(&self) -> &Repos {
        &self.inner.repos
    }

    /// Turns for reads that have a thread and a connection of their own.
    pub(crate) fn scans(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.scans)
    }

    pub(crate) fn import_turns(&self) -> &ImportTurns {
        &self.inner.import_turns
    }

    pub(crate) fn janitor(&self) -> &Janitor {
        &self.inner.janitor
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }
}

fn ring(conn: &Connection, config: &StoreConfig) -> Result<EventRing, StoreError> {
    let (head, oldest) = table::bounds(conn)?;
    let tuning = &config.tuning;
    let ring =
        EventRing::new(head, oldest, table::purges(conn)?, tuning.ring_events, tuning.ring_bytes);
    ring.forget(table::removed(conn)?, oldest);
    Ok(ring)
}

fn io_error(path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}
