//! Accounts: how they come to be, which handles they may have, how people sign in to them.
//!
//! Specs: <https://atproto.com/specs/account>, <https://atproto.com/specs/handle>.

pub mod activation;
pub mod acts;
pub mod administration;
pub mod app_password;
pub mod approval;
pub mod blocked_words;
pub mod create;
pub mod email;
pub mod export;
pub mod handle;
pub mod handle_policy;
pub mod hosted;
pub mod identifier;
pub mod identity;
pub mod import;
pub(crate) mod mailing;
pub(crate) mod moving;
pub mod password;
pub mod preferences;
pub mod recovery_key;
pub mod removal;
mod reserved;
pub mod restore;
pub mod rotation;
pub mod second_factor;
pub mod session;
mod tar;
pub(crate) mod turns;
