//! Room on the disk that is kept for the writes of those who are here.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::StoreConfig;
use crate::{Store, StoreError};

/// Says how many bytes the disk of a folder has free for this process.
pub type FreeBytes = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// What the system says.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The size of a file; none yet is nothing.
fn size(file: &Path) -> io::Result<u64> {
    match std::fs::metadata(file) {
        Ok(metadata) => Ok(metadata.len()),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(err) => Err(err),
    }
}

/// Watches the disks of the database and of the blobs. A look takes about a microsecond and blocks on nothing, so callers
/// may be async.
#[derive(Clone)]
pub(crate) struct Space {
    data: PathBuf,
    blobs: PathBuf,
    floor: u64,
    free: FreeBytes,
}

impl Space {
    pub(crate) fn new(config: &StoreConfig) -> Space {
        Space {
            data: config.dir.clone(),
            blobs: config.blob_dir.clone(),
            floor: config.min_free_bytes,
            free: Arc::clone(&config.free_bytes),
        }
    }

    /// Whether so many bytes of blobs may come.
    pub(crate) fn for_blobs(&self, bytes: u64) -> Result<(), StoreError> {
        self.check(&self.blobs, bytes)
    }

    /// Whether so many bytes may come beside or into the database.
    pub(crate) fn for_data(&self, bytes: u64) -> Result<(), StoreError> {
        self.check(&self.data, bytes)
    }

    fn check(&self, folder: &Path, bytes: u64) -> Result<(), StoreError> {
        if self.floor == 0 {
            return Ok(());
        }
        let free_bytes = (self.free)(folder)?;
        if free_bytes.saturating_sub(bytes) >= self.floor {
            return Ok(());
        }
        Err(StoreError::LowSpace { free_bytes, kept_bytes: self.floor })
    }
}

/// What the files of the database take, and what its disks have left. In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    pub database_bytes: u64,
    /// The write-ahead log.
    pub log_bytes: u64,
    /// Free where the database is.
    pub free_bytes: u64,
    /// Free where the blobs are.
    pub blob_free_bytes: u64,
}

impl Store {
    /// Looks at the files and the disks. Takes microseconds.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn disk(&self) -> Result<Disk, StoreError> {
        let config = self.config();
        Ok(Disk {
            database_bytes: size(self.opener().path())?,
            log_bytes: size(&self.opener().log_path())?,
            free_bytes: (config.free_bytes)(&config.dir)?,
            blob_free_bytes: (config.free_bytes)(&config.blob_dir)?,
        })
    }

    /// Whether the disks have room for more than what the present accounts write.
    ///
    /// # Errors
    /// [`StoreError::LowSpace`] when one has not.
    pub fn require_space(&self) -> Result<(), StoreError> {
        self.space().for_data(0)?;
        self.space().for_blobs(0)
    }
}
