//! The rules of the profile, each with a case; promises that hold for any input, as properties.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assertions;
mod client_ids;
mod client_metadata;
mod documents;
mod dpop;
mod permission_sets;
mod pkce;
mod properties;
mod requests;
mod scopes;
mod support;
mod tokens;
