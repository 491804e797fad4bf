//! The event log: what the firehose sends.
//!
//! Frames are encoded once; a row holds the bytes that go on the socket. Recent events are in a
//! ring in memory; a subscriber that is behind it pages the table on threads of its own, so a slow
//! consumer never slows another.
//! https://atproto.com/specs/event-stream

pub(crate) mod log;
mod pages;
pub(crate) mod ring;
pub(crate) mod table;

pub use log::{EventLog, Subscription};
pub(crate) use pages::Pages;
pub(crate) use ring::{Emitted, EventRing};
pub use ring::{Event, EventCounts};

/// What an event is about, as stored beside its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Commit,
    Sync,
    Identity,
    Account,
}

impl EventKind {
    pub(crate) fn code(self) -> i64 {
        match self {
            EventKind::Commit => 1,
            EventKind::Sync => 2,
            EventKind::Identity => 3,
            EventKind::Account => 4,
        }
    }
}
