//! `com.atproto.*`: one module per namespace, one file per method.

pub mod admin;
pub mod identity;
pub mod moderation;
pub mod repo;
pub mod server;
pub mod sync;
