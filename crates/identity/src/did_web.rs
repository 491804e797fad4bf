//! did:web, as far as the protocol allows it: a host name, nothing more. <https://atproto.com/specs/did>

use cairn_model::{Did, Handle};
use url::Url;

/// Why a did:web has no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DidWebError {
    /// The DID is not a did:web.
    #[error("not a did:web")]
    Method,
    /// The DID names a path or a port, which the protocol does not allow.
    #[error("did:web with a path or a port is not supported")]
    PathOrPort,
    /// Not a host name.
    #[error("did:web does not name a host")]
    Host,
}

/// Where the document of a did:web stands.
///
/// With `allow_localhost`, `did:web:localhost%3A2583` stands at `http://localhost:2583`: for development.
pub fn document_url(did: &Did, allow_localhost: bool) -> Result<Url, DidWebError> {
    let host = did.as_str().strip_prefix("did:web:").ok_or(DidWebError::Method)?;
    if host == "localhost" || host.starts_with("localhost%3A") {
        return localhost_url(host, allow_localhost);
    }
    if host.contains(':') || host.contains('%') {
        return Err(DidWebError::PathOrPort);
    }
    // Handles have the syntax of host names that can be reached publicly: two labels or more, no numeric top level.
    let host = Handle::parse(host).map_err(|_| DidWebError::Host)?;
    well_known(&format!("https://{host}"))
}

fn localhost_url(host: &str, allowed: bool) -> Result<Url, DidWebError> {
    if !allowed {
        return Err(DidWebError::Host);
    }
    let Some(port) = host.strip_prefix("localhost%3A") else {
        return well_known("http://localhost");
    };
    let port: u16 = port.parse().map_err(|_| DidWebError::PathOrPort)?;
    well_known(&format!("http://localhost:{port}"))
}

fn well_known(origin: &str) -> Result<Url, DidWebError> {
    Url::parse(&format!("{origin}/.well-known/did.json")).map_err(|_| DidWebError::Host)
}

/// The did:web of a service that answers at `host` (as in a URL, with the port in development).
#[must_use]
pub fn did_of_host(host: &str) -> Option<Did> {
    Did::parse(&format!("did:web:{}", host.replace(':', "%3A"))).ok()
}
