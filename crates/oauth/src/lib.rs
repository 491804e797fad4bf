#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

pub mod assertion;
pub mod client;
pub mod dpop;
mod error;
#[doc(hidden)]
pub mod fuzz;
pub mod grant;
pub mod metadata;
mod numeric_date;
mod params;
pub mod pkce;
pub mod request;
pub mod scope;
pub mod token;

pub use error::{OAuthError, OAuthErrorCode};
pub use params::Params;

/// The algorithms of DPoP proofs and client assertions, as metadata list them.
pub const SIGNING_ALGORITHMS: [&str; 2] = ["ES256", "ES256K"];
