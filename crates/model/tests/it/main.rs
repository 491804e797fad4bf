//! The rules of the formats, checked against vectors and properties.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod round_trips;
mod strictness;
mod vectors;
