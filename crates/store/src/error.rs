//! What can go wrong below the domain: the disk, the database engine, a closed store.
//!
//! Errors of the domain (a stale swap, a handle that is taken) are enums beside the operation that
//! gives them; each has a variant for a [`StoreError`].

use std::path::PathBuf;
use std::sync::Arc;

/// Why the store could not do its work. Nothing of what was asked has happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room left; writes work again once there is.
    #[error("the disk is full")]
    Full(#[source] Fault),
    /// What is free on the disk is kept for the writes of present accounts.
    #[error("the disk has {free_bytes} bytes free, and {kept_bytes} are kept")]
    LowSpace {
        /// What is free.
        free_bytes: u64,
        /// What is kept.
        kept_bytes: u64,
    },
    /// A read or a write of a file failed.
    #[error("a file of the store could not be read or written")]
    Io(#[source] Fault),
    /// The database file is damaged.
    #[error("the database file is damaged")]
    Corrupt(#[source] Fault),
    /// The engine refused for another reason: a defect in this crate.
    #[error("the database engine refused")]
    Engine(#[source] Fault),
    /// A stored value does not have the form in which this crate writes it.
    #[error("a stored value is damaged: {what}")]
    Damaged {
        /// Which kind of value.
        what: &'static str,
    },
    /// One repository was written from several places at once for too long.
    #[error("the repository is written from too many places at once")]
    Contended,
    /// The reader of an export took so little for so long that it was given up.
    #[error("the export was taken too slowly")]
    Abandoned,
    /// A job panicked: a defect in this crate.
    #[error("the store failed by a defect")]
    Defect,
    /// The store is closing or closed.
    #[error("the store is closed")]
    Closed,
}

/// The cause of a [`StoreError`], for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct Fault(Arc<dyn std::error::Error + Send + Sync>);

impl Fault {
    fn new(cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
        Fault(Arc::new(cause))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(err: rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode as Code;
        match err.sqlite_error_code() {
            Some(Code::DiskFull) => StoreError::Full(Fault::new(err)),
            Some(
                Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::FileLockingProtocolFailed,
            ) => StoreError::Io(Fault::new(err)),
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                StoreError::Corrupt(Fault::new(err))
            }
            _ => StoreError::Engine(Fault::new(err)),
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(err: std::io::Error) -> StoreError {
        match err.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                StoreError::Full(Fault::new(err))
            }
            _ => StoreError::Io(Fault::new(err)),
        }
    }
}

/// Why the store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data directory.
    #[error("another process uses {}", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The database was written by a newer version.
    #[error("the database has version {found}, this program knows {known}")]
    TooNew {
        /// Version of the file.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The master key cannot be read, or is not a key, or belongs to another store.
    #[error("the master key {} cannot be used", path.display())]
    MasterKey {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: crate::seal::SealError,
    },
    /// The directory or a file in it could not be made or read.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(err: rusqlite::Error) -> OpenError {
        OpenError::Store(err.into())
    }
}
