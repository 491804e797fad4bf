//! `com.atproto.sync.*`: repositories as others copy and follow them.

use crate::xrpc::Endpoint;

/// The methods of this namespace.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    Vec::new()
}
