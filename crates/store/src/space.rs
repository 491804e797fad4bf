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

impl Store {
    /// Whether the disks have room for more than what the present accounts write.
    ///
    /// # Errors
    /// [`StoreError::LowSpace`] when one has not.
    pub fn require_space(&self) -> Result<(), StoreError> {
        self.space().for_data(0)?;
        self.space().for_blobs(0)
    }
}
