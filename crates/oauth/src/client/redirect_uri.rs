//! Where people are sent back to. <https://atproto.com/specs/oauth#request-fields>, RFC 8252

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::ApplicationType;
use super::id::{ClientId, Network, is_public_domain};

/// The longest redirect URI.
const MAX_REDIRECT_URI_BYTES: usize = 2048;

/// Why a redirect URI is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Longer than any honest one.
    #[error("redirect URI is too long")]
    TooLong,
    /// Not a URL, or another spelling of the URL that it means.
    #[error("redirect URI is not a URL in canonical form")]
    Url,
    /// A user name or password.
    #[error("redirect URI must not contain credentials")]
    Credentials,
    /// A fragment (RFC 6749 §3.1.2).
    #[error("redirect URI must not contain a fragment")]
    Fragment,
    /// `http` to somewhere else than this machine.
    #[error("redirect URI must use https, except for loopback addresses")]
    PlainHttp,
    /// `localhost` instead of an address (RFC 8252 §8.3).
    #[error("redirect URI must use 127.0.0.1 or [::1] instead of localhost")]
    Localhost,
    /// A loopback address with `https` (RFC 8252 §7.3).
    #[error("redirect URI to a loopback address must use http")]
    LoopbackHttps,
    /// A name that is not of the public Internet.
    #[error("redirect URI must have a public domain name")]
    LocalHost,
    /// A scheme that is neither `https` nor a reversed domain name (RFC 8252 §8.4).
    #[error("redirect URI has a scheme that is not allowed")]
    Scheme,
    /// A private-use scheme followed by more than one slash (RFC 8252 §7.1).
    #[error("redirect URI with a private-use scheme must have the form scheme:/path")]
    PrivateUseForm,
    /// A private-use scheme or a loopback address of a client that is not native.
    #[error("redirect URI is for native clients only")]
    NativeOnly,
    /// A private-use scheme that is not the reversed host of the client id.
    #[error("redirect URI's scheme must be the client_id's host name in reverse order")]
    ForeignScheme,
    /// A native client with an `https` redirect to another origin.
    #[error("redirect URI of a native client must have the origin of its client_id")]
    ForeignOrigin,
    /// Not a loopback address, for a loopback client.
    #[error("redirect URI is not on a loopback address")]
    NotLoopback,
}

/// A redirect URI that may be used as one, if its client is the right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri {
    text: Box<str>,
    url: Url,
    kind: RedirectKind,
}

/// What a redirect URI leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// A web page.
    Web,
    /// A web page on a private network.
    PrivateWeb,
    /// A program on the person's machine that listens on a port.
    Loopback,
    /// An app that the operating system starts.
    App,
}

impl RedirectUri {
    /// Reads a redirect URI.
    pub fn parse(text: &str) -> Result<Self, RedirectUriError> {
        let uri = Self::parse_on(text, Network::Public)?;
        Ok(uri)
    }

    /// Reads a redirect URI where clients may live on a private network.
    pub(super) fn parse_on(text: &str, network: Network) -> Result<Self, RedirectUriError> {
        if text.len() > MAX_REDIRECT_URI_BYTES {
            return Err(RedirectUriError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::Url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RedirectUriError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(RedirectUriError::Fragment);
        }
        let kind = match url.scheme() {
            "https" | "http" => web_kind(&url, network)?,
            scheme if scheme.contains('.') => app_kind(&url, text)?,
            _ => return Err(RedirectUriError::Scheme),
        };
        // Matching is by text, redirecting is by meaning: both must be the same.
        let path_left_out = url.path() == "/" && url.as_str().strip_suffix('/') == Some(text);
        if url.as_str() != text && !path_left_out {
            return Err(RedirectUriError::Url);
        }
        Ok(Self { text: text.into(), url, kind })
    }

    /// Reads a redirect URI of a loopback client.
    pub(super) fn parse_loopback(text: &str) -> Result<Self, RedirectUriError> {
        let uri = Self::parse(text)?;
        if uri.kind == RedirectKind::Loopback {
            Ok(uri)
        } else {
            Err(RedirectUriError::NotLoopback)
        }
    }

    /// Checks that a client of that kind may register this URI.
    pub(super) fn check(
        &self,
        client: &ClientId,
        application: ApplicationType,
    ) -> Result<(), RedirectUriError> {
        let native = application == ApplicationType::Native;
        match (self.kind, client) {
            (RedirectKind::Loopback | RedirectKind::App, _) if !native => {
                Err(RedirectUriError::NativeOnly)
            }
            (RedirectKind::App, ClientId::Discoverable(id)) => {
                let reversed: Vec<&str> = id.host().rsplit('.').collect();
                if self.url.scheme() == reversed.join(".") {
                    return Ok(());
                }
                Err(RedirectUriError::ForeignScheme)
            }
            // Interop: the reference implementation lets native clients redirect to any https origin.
            (RedirectKind::Web | RedirectKind::PrivateWeb, ClientId::Discoverable(id))
                if native && self.url.origin() != id.url().origin() =>
            {
                Err(RedirectUriError::ForeignOrigin)
            }
            (RedirectKind::Loopback, _) | (_, ClientId::Discoverable(_)) => Ok(()),
            (_, ClientId::Loopback(_)) => Err(RedirectUriError::NotLoopback),
        }
    }

    /// Whether a request may use `requested` when this is registered: the same text, or the same loopback address but
    /// for the port, which the operating system chooses (RFC 8252 §7.3). A registered port counts, unless `any_port`.
    pub(super) fn matches(&self, requested: &Self, any_port: bool) -> bool {
        if self.text == requested.text {
            return true;
        }
        let both = |kind| self.kind == kind && requested.kind == kind;
        both(RedirectKind::Loopback)
            && (any_port || self.url.port().is_none())
            && self.url.host() == requested.url.host()
            && self.url.path() == requested.url.path()
            && self.url.query() == requested.url.query()
    }

    /// The URI as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URI as a URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What the URI leads to.
    #[must_use]
    pub fn kind(&self) -> RedirectKind {
        self.kind
    }
}

fn web_kind(url: &Url, network: Network) -> Result<RedirectKind, RedirectUriError> {
    let secure = url.scheme() == "https";
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        _ => false,
    };
    if loopback && !secure {
        return Ok(RedirectKind::Loopback);
    }
    if network == Network::Private {
        return Ok(RedirectKind::PrivateWeb);
    }
    match url.host() {
        _ if loopback => Err(RedirectUriError::LoopbackHttps),
        Some(Host::Domain("localhost")) => Err(RedirectUriError::Localhost),
        _ if !secure => Err(RedirectUriError::PlainHttp),
        Some(Host::Domain(domain)) if !is_public_domain(domain) => Err(RedirectUriError::LocalHost),
        _ => Ok(RedirectKind::Web),
    }
}

fn app_kind(url: &Url, text: &str) -> Result<RedirectKind, RedirectUriError> {
    let path = text.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix(":/"));
    if url.has_host() || url.cannot_be_a_base() || path.is_none_or(|path| path.starts_with('/')) {
        return Err(RedirectUriError::PrivateUseForm);
    }
    Ok(RedirectKind::App)
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads what was accepted once, on whichever network that was.
impl TryFrom<String> for RedirectUri {
    type Error = RedirectUriError;
    fn try_from(text: String) -> Result<Self, RedirectUriError> {
        Self::parse(&text).or_else(|_| Self::parse_on(&text, Network::Private))
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.text.into()
    }
}
