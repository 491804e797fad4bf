//! The Cairn personal data server: XRPC methods, firehose, pages.
//!
//! A request travels: [`serve`] → [`router`] → the endpoint table ([`xrpc`]) → parameters, credentials, body, rate limit →
//! the method's handler, one per file. Everything that a handler may use comes in through [`App`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod accounts;
pub mod app;
mod argon;
pub mod auth;
pub mod branding;
mod caught;
mod checks;
mod compress;
pub mod config;
mod connections;
pub mod error;
pub mod figures;
pub mod firehose;
mod i18n;
mod jobs;
pub mod limits;
pub mod mail;
pub mod oauth;
mod path;
mod proxy;
pub mod published_lexicons;
mod read_after_write;
mod read_away;
pub mod records;
pub mod relays;
pub mod router;
pub mod routes;
mod serve;
mod stall;
pub mod web;
mod workers;
pub mod xrpc;

pub use app::{App, AppParts};
pub use config::ServerConfig;
pub use error::XrpcError;
pub use serve::serve;
