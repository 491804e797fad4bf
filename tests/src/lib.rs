//! Support for black-box tests: servers on loopback, clients, fakes.
//!
//! A [`World`] is a small network: a did:plc directory, a clock that tests move, handles that resolve, and any number of servers ([`TestPds`]) that know each
//! other through it. Everything that a test does to a server goes over HTTP or a WebSocket. When a server is dropped, each of its repositories is checked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod account;
mod authenticator;
mod browser;
mod caller;
mod directory;
mod firehose;
mod follower;
mod mime;
mod oauth_app;
mod pds;
mod proof;
mod repo;
mod smtp;
mod stand_in;
mod tls;
mod world;

pub use account::{Head, TestAccount, post, rkey};
pub use authenticator::{Authenticator, Ceremony};
pub use browser::{Browser, View};
pub use caller::{Caller, Reply};
pub use directory::DirectoryFault;
pub use firehose::{Firehose, name};
pub use follower::{Followed, Follower};
pub use mime::{MailMessage, code_in};
pub use oauth_app::{AppAnswer, OAuthApp, Pushed};
pub use pds::TestPds;
pub use proof::record_proof;
pub use repo::RepoCopy;
pub use smtp::{Manners, SmtpServer};
pub use stand_in::{Seen, StandIn, refusal, slowly};
pub use tls::TestTls;
pub use world::{World, WorldResolver};

/// The password of every account that does not say otherwise.
pub const PASSWORD: &str = "correct horse battery staple";
/// The operator's password on every server.
pub const ADMIN_PASSWORD: &str = "the operator's own";
