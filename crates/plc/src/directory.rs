//! The directory itself: validation and storage behind an async interface, without HTTP.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cairn_identity::Clock;
use cairn_identity::plc::{LogEntry, Operation};
use cairn_model::Did;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::error::{DirectoryError, SubmitError};
use crate::export::SequencedOp;
use crate::storage::Storage;

/// Where a directory keeps its operations.
#[derive(Clone, Debug)]
pub enum Location {
    /// In a SQLite file, made if it is not there.
    File(PathBuf),
    /// Nowhere: they are gone with the directory.
    Memory,
}

/// A did:plc directory. Cheap to clone; clones are the same directory.
#[derive(Clone)]
pub struct Directory(Arc<Shared>);

struct Shared {
    storage: Mutex<Storage>,
    clock: Arc<dyn Clock>,
    /// The newest sequence number, for those who follow the export.
    head: watch::Sender<i64>,
}

impl Directory {
    /// Opens a directory. Blocks while the file is opened.
    pub fn open(location: &Location, clock: Arc<dyn Clock>) -> Result<Self, DirectoryError> {
        let storage = match location {
            Location::File(path) => Storage::open(path)?,
            Location::Memory => Storage::in_memory()?,
        };
        let head = watch::Sender::new(storage.head_seq()?);
        Ok(Self(Arc::new(Shared { storage: Mutex::new(storage), clock, head })))
    }

    /// Takes an operation in, or says why not. When this returns, the operation is durable.
    pub async fn submit(&self, did: &Did, operation: Operation) -> Result<(), SubmitError> {
        let did = did.clone();
        let now = self.now();
        let head = self.0.head.clone();
        let submit = move |storage: &mut Storage| {
            let result = storage.submit(&did, &operation, now);
            // Inside the lock, so that the head rises in order.
            if let Ok(seq) = result {
                head.send_replace(seq);
            }
            result
        };
        self.blocking(submit).await?.map(drop)
    }

    /// The DID's last operation; `None` when the DID is not registered.
    pub async fn last(&self, did: &Did) -> Result<Option<Operation>, DirectoryError> {
        let did = did.clone();
        self.blocking(move |storage| storage.last(&did)).await?
    }

    /// The DID's operations that are not nullified; empty when the DID is not registered.
    pub async fn log(&self, did: &Did) -> Result<Vec<LogEntry>, DirectoryError> {
        let did = did.clone();
        self.blocking(move |storage| storage.log(&did, false)).await?
    }

    /// All of the DID's operations; empty when the DID is not registered.
    pub async fn audit_log(&self, did: &Did) -> Result<Vec<LogEntry>, DirectoryError> {
        let did = did.clone();
        self.blocking(move |storage| storage.log(&did, true)).await?
    }

    /// Up to `count` operations of all DIDs after a sequence number.
    pub async fn export(&self, after: i64, count: u32) -> Result<Vec<SequencedOp>, DirectoryError> {
        let page = self.blocking(move |storage| storage.after_seq(after, count)).await??;
        Ok(page.into_iter().map(SequencedOp::from).collect())
    }

    /// Up to `count` operations of all DIDs that were taken in after an instant.
    pub async fn export_since(
        &self,
        after: Timestamp,
        count: u32,
    ) -> Result<Vec<LogEntry>, DirectoryError> {
        let page = self.blocking(move |storage| storage.after_time(after, count)).await??;
        Ok(page.into_iter().map(|stored| stored.entry).collect())
    }

    /// Whether the storage answers.
    pub async fn check_health(&self) -> Result<(), DirectoryError> {
        self.blocking(|storage| storage.head_seq()).await?.map(drop)
    }

    /// The newest sequence number, as it rises.
    pub(crate) fn head(&self) -> watch::Receiver<i64> {
        self.0.head.subscribe()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Storage) -> T + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let shared = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            work(&mut shared.storage.lock().unwrap_or_else(PoisonError::into_inner))
        });
        task.await.map_err(|_| DirectoryError::ShutDown)
    }
}
