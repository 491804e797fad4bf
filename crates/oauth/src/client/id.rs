//! Client ids: URLs that lead to the client's metadata, and loopback ids that carry them.
//! <https://atproto.com/specs/oauth#clients>

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

use super::redirect_uri::{RedirectUri, RedirectUriError};
use crate::{OAuthError, OAuthErrorCode};

/// The longest client id. A loopback id carries scopes and redirect URIs.
const MAX_CLIENT_ID_BYTES: usize = 8 * 1024;
const LOOPBACK_ORIGIN: &str = "http://localhost";

/// Where clients may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// On the public Internet: what the specification asks for.
    Public,
    /// On a private network, for development and tests: plain http, ports, addresses and local names pass too.
    Private,
}

/// Why a text is not a client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    /// Longer than any honest one.
    #[error("client_id is too long")]
    TooLong,
    /// Neither an `https` URL nor `http://localhost`.
    #[error("client_id is not an https URL")]
    Url,
    /// A user name or password.
    #[error("client_id must not contain credentials")]
    Credentials,
    /// A fragment.
    #[error("client_id must not contain a fragment")]
    Fragment,
    /// An address or a name that does not lead to the public Internet.
    #[error("client_id must have a public domain name")]
    Host,
    /// A port.
    #[error("client_id must not contain a port")]
    Port,
    /// No path.
    #[error("client_id must have a path that does not end with a slash")]
    Path,
    /// Another spelling of the URL that it means.
    #[error("client_id is not in canonical form")]
    NotCanonical,
    /// A loopback id with a path, a port or a fragment.
    #[error("a loopback client_id is http://localhost with nothing but a query")]
    LoopbackForm,
    /// A loopback id with other parameters than `scope` (once) and `redirect_uri`.
    #[error("a loopback client_id takes one scope and redirect_uri parameters")]
    LoopbackParameter,
    /// A loopback id with a redirect URI that leads elsewhere.
    #[error("a loopback client_id takes redirect URIs on 127.0.0.1 and [::1]: {0}")]
    LoopbackRedirect(RedirectUriError),
}

impl From<ClientIdError> for OAuthError {
    fn from(error: ClientIdError) -> Self {
        Self::of(OAuthErrorCode::InvalidClient, &error)
    }
}

/// Names a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientId {
    /// A client in development, on the person's own machine.
    Loopback(LoopbackId),
    /// A client whose metadata are found at the id.
    Discoverable(DiscoverableId),
}

impl ClientId {
    /// Reads a client id.
    pub fn parse(text: &str) -> Result<Self, ClientIdError> {
        Self::parse_on(text, Network::Public)
    }

    /// Reads a client id where clients may live on a private network.
    pub fn parse_on(text: &str, network: Network) -> Result<Self, ClientIdError> {
        if text.len() > MAX_CLIENT_ID_BYTES {
            return Err(ClientIdError::TooLong);
        }
        match text.strip_prefix(LOOPBACK_ORIGIN) {
            // On a private network `http://localhost:8080/…` is a place like any other.
            Some(rest) if rest.starts_with(':') && network == Network::Private => {}
            Some(rest) => return LoopbackId::parse(text, rest).map(Self::Loopback),
            None => {}
        }
        DiscoverableId::parse(text, network).map(Self::Discoverable)
    }

    /// The id as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Loopback(id) => &id.text,
            Self::Discoverable(id) => id.url.as_str(),
        }
    }

    /// The network on which the client lives.
    pub(super) fn network(&self) -> Network {
        match self {
            Self::Loopback(_) => Network::Public,
            Self::Discoverable(id) => id.network,
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads what was accepted once, on whichever network that was.
impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .or_else(|_| Self::parse_on(&text, Network::Private))
            .map_err(serde::de::Error::custom)
    }
}

/// `http://localhost`, with scopes and redirect URIs in the query.
/// <https://atproto.com/specs/oauth#localhost-client-development>
#[derive(Clone, Debug)]
pub struct LoopbackId {
    text: Box<str>,
    pub(super) scope: Option<String>,
    /// Empty: the defaults.
    pub(super) redirect_uris: Vec<RedirectUri>,
}

impl LoopbackId {
    fn parse(text: &str, rest: &str) -> Result<Self, ClientIdError> {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let query = match rest.strip_prefix('?') {
            Some(query) => query,
            None if rest.is_empty() => "",
            None => return Err(ClientIdError::LoopbackForm),
        };
        if query.contains('#') {
            return Err(ClientIdError::LoopbackForm);
        }
        let mut id = Self { text: text.into(), scope: None, redirect_uris: Vec::new() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "scope" if id.scope.is_none() => id.scope = Some(value.into_owned()),
                "redirect_uri" => {
                    let uri = RedirectUri::parse_loopback(&value);
                    id.redirect_uris.push(uri.map_err(ClientIdError::LoopbackRedirect)?);
                }
                _ => return Err(ClientIdError::LoopbackParameter),
            }
        }
        Ok(id)
    }
}

impl PartialEq for LoopbackId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for LoopbackId {}

impl Hash for LoopbackId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// The URL of a client's metadata.
#[derive(Clone, Debug)]
pub struct DiscoverableId {
    url: Url,
    network: Network,
}

impl DiscoverableId {
    fn parse(text: &str, network: Network) -> Result<Self, ClientIdError> {
        let url = Url::parse(text).map_err(|_| ClientIdError::Url)?;
        match url.scheme() {
            "https" => {}
            "http" if network == Network::Private => {}
            _ => return Err(ClientIdError::Url),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ClientIdError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(ClientIdError::Fragment);
        }
        if network == Network::Public {
            if !is_public_host(&url) {
                return Err(ClientIdError::Host);
            }
            if url.port().is_some() {
                return Err(ClientIdError::Port);
            }
        }
        if url.path().ends_with('/') {
            return Err(ClientIdError::Path);
        }
        // Two spellings of one URL would be two clients with one document, and a path such as `/a/../b` would show
        // people another place than the one that is read.
        if url.as_str() != text {
            return Err(ClientIdError::NotCanonical);
        }
        Ok(Self { url, network })
    }

    /// Where the metadata are.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host, for people: who controls it controls the client.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl PartialEq for DiscoverableId {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for DiscoverableId {}

impl Hash for DiscoverableId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.url.hash(state);
    }
}

/// Whether a URL names a host by a domain name that can be of the public Internet.
pub(super) fn is_public_host(url: &Url) -> bool {
    let Some(Host::Domain(domain)) = url.host() else {
        return false;
    };
    is_public_domain(domain)
}

/// Top-level domains that nobody can own (RFC 6761, RFC 6762, RFC 9476 and ICANN's `internal`).
const LOCAL_DOMAINS: [&str; 7] =
    ["local", "localhost", "test", "example", "invalid", "internal", "alt"];

/// Whether a domain name has two labels and a top-level domain that somebody can own.
pub(super) fn is_public_domain(domain: &str) -> bool {
    let Some((_, last)) = domain.rsplit_once('.') else {
        return false;
    };
    !last.is_empty() && !LOCAL_DOMAINS.contains(&last.to_ascii_lowercase().as_str())
}
