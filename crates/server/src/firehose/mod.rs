//! The event stream's sockets: `com.atproto.sync.subscribeRepos` and the live view of development servers.
//!
//! Frames come ready from the store's log; a socket only passes them on. Every subscriber reads the log at its own pace, so
//! a slow one holds up nobody: it falls back from memory to the table, and is closed when it takes nothing or has lost its place.
//! Spec: <https://atproto.com/specs/event-stream>.

pub(crate) mod line;
mod live;
mod socket;
mod subscribers;

pub(crate) use line::{Change, Line};
pub(crate) use live::{Viewers, live};
pub(crate) use socket::follow;
pub(crate) use subscribers::{Newcomer, NoSeat, Presence, Seat, Subscribers};
