//! Tests of the crate as its users see it. Vectors are read from the folder that `CAIRN_VECTORS`
//! names; without it those tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects")]

mod events;
mod faults;
mod formats;
mod support;
mod trees;
mod vectors;
mod walks;
