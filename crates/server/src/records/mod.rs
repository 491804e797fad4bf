//! Records on their way into a repository and out of it: what the methods of `com.atproto.repo` share.
//!
//! [`Schemas`] finds the lexicons, and [`prepare`] applies every rule that needs no database: `$type`, record key, lexicon, blob references, size.
//! Specs: <https://atproto.com/specs/record-key>, <https://atproto.com/specs/lexicon>, <https://atproto.com/specs/data-model>.

mod answer;
mod json;
mod legacy;
mod output;
mod prepare;
mod reading;
mod rkey;
mod schemas;
mod swap;

pub use answer::{Answer, write_record};
pub use json::RecordJson;
pub use legacy::upgrade_pictures;
pub use output::{CommitView, Written, uri};
pub use prepare::{Draft, PrepareError, Prepared, Validation, prepare};
pub use reading::public_repo;
pub use rkey::next_rkey;
pub use schemas::Schemas;
pub use swap::swap_record;

/// Points that a write costs of the account's budget: <https://docs.bsky.app/docs/advanced-guides/rate-limits>.
pub const CREATE_POINTS: u32 = 3;
/// See [`CREATE_POINTS`].
pub const UPDATE_POINTS: u32 = 2;
/// See [`CREATE_POINTS`].
pub const DELETE_POINTS: u32 = 1;
