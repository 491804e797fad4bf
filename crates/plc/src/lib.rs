#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod directory;
mod error;
mod export;
mod routes;
mod storage;

pub use directory::{Directory, Location};
pub use error::{DirectoryError, SubmitError};
pub use export::SequencedOp;
pub use routes::{router, serve};
