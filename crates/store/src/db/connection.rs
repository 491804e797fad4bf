//! Opens connections with the settings that the design asks for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::config::Tuning;
use crate::db::migrations;
use crate::error::OpenError;

/// Statements that each connection keeps prepared.
const STATEMENTS: usize = 256;

/// Only a tool from outside can hold a lock for long.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What remains of the log's file when it begins anew after it had grown.
const LOG_BYTES: i64 = 64 << 20;

/// Opens connections to one database file.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    path: PathBuf,
    tuning: Tuning,
}

impl Opener {
    pub(crate) fn new(dir: &Path, tuning: &Tuning) -> Opener {
        Opener { path: dir.join("cairn.sqlite"), tuning: tuning.clone() }
    }

    /// The database file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its write-ahead log, where SQLite puts it.
    pub(crate) fn log_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        name.into()
    }

    /// The only connection that writes. Makes the file and brings its schema up to date.
    ///
    /// `synchronous=FULL` syncs the log at each commit: what was answered survives a power cut.
    /// Checkpoints are left to their own thread.
    pub(crate) fn writer(&self) -> Result<Connection, OpenError> {
        let mut conn = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        conn.pragma_update(None, "page_size", self.tuning.page_size)?;
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        conn.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
        self.common(&conn, self.tuning.writer_cache_kib)?;
        migrations::migrate(&mut conn)?;
        if let Some(pages) = self.tuning.max_pages {
            conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(conn)
    }

    /// A connection that cannot write.
    pub(crate) fn reader(&self) -> Result<Connection, OpenError> {
        let conn = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        conn.pragma_update(None, "query_only", true)?;
        conn.pragma_update_and_check(None, "mmap_size", self.tuning.mmap_bytes, |_| Ok(()))?;
        self.common(&conn, self.tuning.reader_cache_kib)?;
        Ok(conn)
    }

    /// The connection of the checkpointer.
    pub(crate) fn checkpointer(&self) -> Result<Connection, OpenError> {
        let conn = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        self.common(&conn, 256)?;
        Ok(conn)
    }

    fn common(&self, conn: &Connection, cache_kib: u32) -> Result<(), OpenError> {
        conn.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // Without it the planner looks at bound values to see whether a partial index applies, and
        // compiles a cached statement anew whenever they change.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(())
    }
}
