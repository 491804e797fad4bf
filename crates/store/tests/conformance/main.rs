//! What every engine of the store must do, through its public API alone.
//!
//! Only `support::open` knows which engine is under test. Each test ends with `World::finish`,
//! which checks every repository and follows every event as a strict consumer would.

#![allow(clippy::unwrap_used)]

mod concurrency;
mod crash;
mod damage;
mod events;
mod export;
mod import;
mod lists;
mod oauth;
mod quotas;
mod random;
mod reopen;
mod stale;
mod support;
mod writes;
