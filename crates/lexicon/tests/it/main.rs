//! Lexicon documents and record validation, against vectors and the known records.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;
mod gathering;
mod known;
mod vectors;
