//! Keys, tokens, documents and operations, against vectors and over loopback.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crypto_vectors;
mod did_documents;
mod guarded_client;
mod jwk;
mod jws;
mod names;
mod network_resolver;
mod plc_operations;
mod plc_vectors;
mod service_auth;
mod support;
