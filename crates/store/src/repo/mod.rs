//! Repositories: writing, reading, exporting and importing them.
//! https://atproto.com/specs/repository
//!
//! A write goes through the worker of its account ([`worker`]), which applies it to the tree, signs
//! the commit and encodes the event, and then through the writer ([`commit`]), which only executes
//! rows.

mod apply;
mod blobs;
mod build;
mod chain;
mod commit;
mod export;
pub(crate) mod generations;
mod head;
mod import;
mod links;
mod list;
mod pace;
mod read;
mod recent;
mod rows;
mod scan;
mod source;
#[cfg(test)]
mod tests;
mod verify;
mod worker;
mod write;

pub use export::Export;
pub use head::Head;
pub(crate) use head::{create, emit_commit, emit_sync, recommit, retire};
pub(crate) use import::ImportTurns;
pub use import::{Import, ImportError, ImportStats, KeyCheck};
pub use list::{ListedRepo, RepoPage};
pub use pace::is_too_slow;
pub use read::{ListedRecord, MAX_LIST_BYTES, Record, RecordRange};
pub use recent::RecentRecord;
pub use scan::MAX_BLOCKS_BYTES;
pub use verify::{RepoFault, RepoProblem, VerifyReport};
pub(crate) use worker::Repos;
pub use write::{
    CommitMeta, MAX_WRITES, NewRecord, RecordWrite, WriteAction, WriteError, WriteOutcome,
    WriteRequest, WriteResult,
};
