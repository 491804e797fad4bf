//! What the store is told when it opens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cairn_identity::{Clock, SystemClock};

use crate::accounts::Quotas;
use crate::space::{self, FreeBytes};

/// Where the store lives and how it runs.
#[derive(Clone)]
pub struct StoreConfig {
    /// Directory of the database, its lock and temporary files. Made if missing.
    pub dir: PathBuf,
    /// Directory of the blobs. Made if missing.
    pub blob_dir: PathBuf,
    /// File of the key that seals the secrets of the accounts. Made on first start.
    pub master_key_file: PathBuf,
    /// How long the firehose can be replayed.
    pub event_retention: Duration,
    /// How long a blob that no record refers to any more is kept.
    pub blob_quarantine: Duration,
    /// What accounts may take that have no quotas of their own.
    pub quotas: Quotas,
    /// Uploads, imports and new accounts are refused when a disk has less than this free, so that the writes of those who are
    /// here go on. Zero: never.
    pub min_free_bytes: u64,
    /// How much the disk of a folder has free.
    pub free_bytes: FreeBytes,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Threads that answer reads.
    pub readers: usize,
    /// Threads that build commits.
    pub workers: usize,
    /// Sizes and thresholds; the defaults were measured.
    pub tuning: Tuning,
}

impl StoreConfig {
    /// The defaults for a store in this directory: blobs in `blobs`, the master key in
    /// `master.key`.
    pub fn new(dir: impl Into<PathBuf>) -> StoreConfig {
        let dir = dir.into();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        StoreConfig {
            blob_dir: dir.join("blobs"),
            master_key_file: dir.join("master.key"),
            dir,
            event_retention: Duration::from_secs(72 * 3600),
            blob_quarantine: Duration::from_secs(6 * 3600),
            quotas: Quotas::default(),
            min_free_bytes: 256 << 20,
            free_bytes: Arc::new(space::free_bytes),
            clock: Arc::new(SystemClock),
            readers: cores.clamp(2, 8),
            workers: cores.clamp(1, 16),
            tuning: Tuning::default(),
        }
    }
}

/// Sizes and thresholds.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Page size of a new database, a power of two from 512 to 65,536.
    pub page_size: u32,
    /// The database refuses to grow beyond this many pages. None: as far as the disk goes.
    pub max_pages: Option<u32>,
    /// Page cache of the writer.
    pub writer_cache_kib: u32,
    /// Page cache of each reader and worker.
    pub reader_cache_kib: u32,
    /// How much of the database file readers may map into memory.
    pub mmap_bytes: i64,
    /// Pages in the write-ahead log that start a checkpoint in the background.
    pub checkpoint_pages: i32,
    /// Pages in the write-ahead log at which the writer waits for readers so that it can begin the
    /// log anew.
    pub log_limit_pages: i32,
    /// Jobs in one transaction of the writer.
    pub batch_jobs: usize,
    /// Repositories that each worker keeps warm.
    pub warm_repos: usize,
    /// Tree nodes of a warm repository that stay in memory.
    pub warm_nodes: usize,
    /// Events that stay in memory for live subscribers.
    pub ring_events: usize,
    /// Bytes of events that stay in memory for live subscribers.
    pub ring_bytes: usize,
    /// An export whose reader takes nothing for this long is given up, since it holds a snapshot.
    pub export_stall: Duration,
    /// The same while other exports wait for their turn.
    pub export_stall_crowded: Duration,
    /// How long an export or an import may take before its peer must move 16 KiB in a second, on
    /// average.
    pub slow_transfer: Duration,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            page_size: 8192,
            max_pages: None,
            writer_cache_kib: 16 * 1024,
            reader_cache_kib: 2 * 1024,
            mmap_bytes: 0,
            checkpoint_pages: 4_000,
            log_limit_pages: 40_000,
            batch_jobs: 256,
            warm_repos: 1024,
            warm_nodes: 16,
            ring_events: 16_384,
            ring_bytes: 16 << 20,
            export_stall: Duration::from_secs(60),
            export_stall_crowded: Duration::from_secs(5),
            slow_transfer: Duration::from_secs(120),
        }
    }
}
