//! The database: one file, one writer, many readers, and the list of migrations.
//!
//! SQLite blocks and tokio must not, so every statement runs on a thread of this module. There is
//! one writing connection, so `SQLITE_BUSY` cannot happen inside the process, and a lock file keeps
//! a second process out. Storage functions elsewhere in the crate take `&rusqlite::Connection`
//! (both transactions dereference to it) when they only read, and `&mut WriteTx` when they write.

pub(crate) mod checkpoint;
pub(crate) mod connection;
pub(crate) mod lock;
pub(crate) mod migrations;
pub(crate) mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod tx;
pub(crate) mod writer;

pub(crate) use reader::Readers;
pub(crate) use tx::{ReadTx, WriteTx};
pub(crate) use writer::{Job, Ran, Writer};
