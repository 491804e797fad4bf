//! The directory over HTTP, and what it keeps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod http;
mod storage;
mod stream;
mod support;
mod vectors;
