//! All persistent state of a Cairn server: accounts, repositories, events, blobs.
//!
//! The API speaks of the domain; the engine behind it (SQLite) does not show. Three promises carry
//! it:
//!
//! - A write's records, tree nodes, commit, blob references and firehose event become durable
//!   together or not at all.
//! - What is acknowledged is synced to the disk, and no event is sent before that.
//! - Reads see whole batches, never wait for writes, and run off the async threads.

mod accounts;
mod acts;
mod app_passwords;
mod blobs;
mod config;
mod db;
mod error;
mod events;
mod factors;
mod history;
mod ids;
mod invites;
mod janitor;
mod lexicons;
mod mail_tokens;
mod moves;
mod oauth;
mod preferences;
mod repo;
mod seal;
mod sessions;
mod space;
mod steps;
mod store;
mod taken_down;
mod text;
mod threads;
mod totals;
mod usage;

pub use accounts::*;
pub use acts::*;
pub use app_passwords::*;
pub use blobs::*;
pub use config::{StoreConfig, Tuning};
pub(crate) use db::WriteTx;
pub use error::{Fault, OpenError, StoreError};
pub(crate) use events::EventKind;
pub use events::{Event, EventCounts, EventLog, Subscription};
pub use factors::*;
pub use history::{HISTORY_ENTRIES, HISTORY_RETENTION, HistoryEntry, HistoryKind};
pub use ids::AccountId;
pub(crate) use ids::RepoId;
pub use invites::*;
pub use lexicons::*;
pub use mail_tokens::*;
pub use moves::*;
pub use oauth::*;
pub use preferences::*;
pub use repo::*;
pub use seal::{MasterKey, SealError, UnsealError};
pub use sessions::*;
pub use space::{Disk, FreeBytes};
pub use store::Store;
pub use taken_down::{HiddenBlob, HiddenRecord};
pub use totals::Totals;
pub use usage::{Held, Usage};
