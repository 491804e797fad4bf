//! `com.atproto.server.*`.

use crate::xrpc::Endpoint;

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
