//! XRPC: the endpoint table and the machinery between a request and its handler.
//!
//! The order is fixed and visible to clients: method and verb → parameters → credentials → body → rate limit → handler.
//! Spec: <https://atproto.com/specs/xrpc>.

pub mod app_bsky;
pub mod body;
pub mod com_atproto;
pub mod context;
pub mod dispatch;
pub mod endpoint;
pub mod handler;
pub mod input;
pub mod params;
pub mod reference;
pub mod reply;
pub mod table;

pub use body::Upload;
pub use context::Cx;
pub use endpoint::{Endpoint, InputPolicy, Kind, procedure, query};
pub use input::Input;
pub use params::{Limit, Params};
pub use reply::{Json, JsonText};

/// What a handler answers: a reply, or the error that becomes one.
pub type Result<T, E = crate::error::XrpcError> = std::result::Result<T, E>;
