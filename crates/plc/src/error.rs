//! What can go wrong in the directory.

use cairn_identity::plc::{ConstraintError, PlcError, RateLimitError};

/// The directory cannot work.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process has the database open.
    #[error("the directory's database is in use by another process")]
    Locked,
    /// The database was made by a newer version.
    #[error("the directory's database has the unknown version {found}")]
    Version {
        /// The version found.
        found: i64,
    },
    /// The database failed.
    #[error("the directory's database failed: {0}")]
    Storage(#[from] rusqlite::Error),
    /// A row does not hold what was written.
    #[error("row {seq} of the directory's database is damaged")]
    Damaged {
        /// The row's sequence number.
        seq: i64,
    },
    /// The work was cut off because the process ends.
    #[error("the directory is shutting down")]
    ShutDown,
}

/// An operation was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The operation exceeds the directory's limits.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The operation does not follow from the log.
    #[error(transparent)]
    Invalid(#[from] PlcError),
    /// The DID changes too often.
    #[error(transparent)]
    Rate(#[from] RateLimitError),
    /// The directory itself failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl From<rusqlite::Error> for SubmitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Directory(error.into())
    }
}
