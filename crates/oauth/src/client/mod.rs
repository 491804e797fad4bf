//! Clients: who they are, and what they have said about themselves. <https://atproto.com/specs/oauth#clients>
//!
//! Nothing in metadata is proven but the host of the client id: names and logos are shown only for clients that the
//! operator trusts. Fetching is the caller's business, within [`MAX_DOCUMENT_BYTES`].

mod document;
mod id;
mod jwks;
mod redirect_uri;

use std::collections::BTreeSet;

use url::Url;

pub use document::{ClientMetadataError, MAX_DOCUMENT_BYTES};
pub use id::{ClientId, ClientIdError, DiscoverableId, LoopbackId, Network};
pub use jwks::{Jwks, JwksError};
pub use redirect_uri::{RedirectKind, RedirectUri, RedirectUriError};

use crate::scope::{Scope, Scopes};
use crate::token::Lifetimes;

/// The redirect URIs of a loopback client that names none.
const LOOPBACK_REDIRECT_URIS: [&str; 2] = ["http://127.0.0.1/", "http://[::1]/"];

/// What a client runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationType {
    /// In a browser or on a web server.
    Web,
    /// On a person's machine.
    Native,
}

/// How a client proves who it is.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// Not at all: a public client.
    None,
    /// By signed assertions (RFC 7523): a confidential client.
    PrivateKeyJwt {
        /// The one algorithm of its assertions, if it has said so.
        alg: Option<&'static str>,
        /// Where its keys are.
        keys: ClientKeys,
    },
}

/// Where the keys of a confidential client are.
#[derive(Clone, Debug)]
pub enum ClientKeys {
    /// In the metadata.
    Inline(Jwks),
    /// At this address.
    Remote(Url),
}

/// The scopes that a client may ask for.
#[derive(Clone, Debug)]
struct DeclaredScopes {
    known: Scopes,
    /// As written, scopes that are not understood here among them.
    written: BTreeSet<Box<str>>,
}

impl DeclaredScopes {
    fn parse(text: &str) -> Result<Self, ClientMetadataError> {
        let known = Scopes::parse(text);
        let mut written = BTreeSet::new();
        for scope in text.split(' ').filter(|scope| !scope.is_empty()) {
            if !written.insert(scope.into()) {
                return Err(ClientMetadataError::Duplicate("scope"));
            }
        }
        if known.contains_atproto() {
            return Ok(Self { known, written });
        }
        Err(ClientMetadataError::Value("scope"))
    }
}

/// What a client has said about itself, checked against the rules of the profile.
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    id: ClientId,
    application_type: ApplicationType,
    authentication: ClientAuthentication,
    redirect_uris: Vec<RedirectUri>,
    scopes: DeclaredScopes,
    refresh: bool,
    name: Option<String>,
    client_uri: Option<Url>,
    logo_uri: Option<Url>,
    tos_uri: Option<Url>,
    policy_uri: Option<Url>,
    trusted: bool,
}

impl ClientMetadata {
    /// Reads the document that was found at the id of a discoverable client.
    pub fn new(id: &ClientId, document: &[u8]) -> Result<Self, ClientMetadataError> {
        document::read(id, document)
    }

    /// What the id of a loopback client says.
    ///
    /// # Errors
    /// If the scopes lack `atproto` or have one twice.
    pub fn loopback(id: &LoopbackId) -> Result<Self, ClientMetadataError> {
        let redirect_uris = match id.redirect_uris.as_slice() {
            [] => {
                let defaults = LOOPBACK_REDIRECT_URIS.into_iter().map(RedirectUri::parse);
                defaults.collect::<Result<_, _>>().expect("the default redirect URIs are valid")
            }
            own => own.to_vec(),
        };
        Ok(Self {
            id: ClientId::Loopback(id.clone()),
            application_type: ApplicationType::Native,
            authentication: ClientAuthentication::None,
            redirect_uris,
            scopes: DeclaredScopes::parse(id.scope.as_deref().unwrap_or("atproto"))?,
            refresh: true,
            name: None,
            client_uri: None,
            logo_uri: None,
            tos_uri: None,
            policy_uri: None,
            trusted: false,
        })
    }

    /// The same client, if the operator trusts it: its name and logo may be shown, and it may sign people in silently.
    #[must_use]
    pub fn with_trust(self, trusted: bool) -> Self {
        Self { trusted, ..self }
    }

    /// The client's id.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// Whether the operator trusts the client.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// What the client runs as.
    #[must_use]
    pub fn application_type(&self) -> ApplicationType {
        self.application_type
    }

    /// How the client proves who it is.
    #[must_use]
    pub fn authentication(&self) -> &ClientAuthentication {
        &self.authentication
    }

    /// Whether the client can prove who it is.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        matches!(self.authentication, ClientAuthentication::PrivateKeyJwt { .. })
    }

    /// Whether the client may refresh; otherwise it gets no refresh tokens.
    #[must_use]
    pub fn may_refresh(&self) -> bool {
        self.refresh
    }

    /// How long the client's sessions live.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        if self.is_confidential() { Lifetimes::CONFIDENTIAL } else { Lifetimes::PUBLIC }
    }

    /// The scopes that the client may ask for and that are understood here.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes.known
    }

    /// Whether the client has declared a scope, in whichever spelling.
    #[must_use]
    pub fn declares(&self, scope: &str) -> bool {
        self.scopes.written.contains(scope)
            || Scope::parse(scope).is_ok_and(|scope| self.scopes.known.contains(&scope))
    }

    /// The redirect URIs, as registered. Never none.
    #[must_use]
    pub fn redirect_uris(&self) -> &[RedirectUri] {
        &self.redirect_uris
    }

    /// The redirect URI that a request asks for, if one that is registered allows it.
    #[must_use]
    pub fn redirect_uri(&self, requested: &str) -> Option<RedirectUri> {
        let requested = RedirectUri::parse_on(requested, self.id.network()).ok()?;
        let any_port = matches!(self.id, ClientId::Loopback(_));
        let mut registered = self.redirect_uris.iter();
        registered.any(|own| own.matches(&requested, any_port)).then_some(requested)
    }

    /// The host that answers for the client, for people. None for a loopback client: an app on the person's device.
    #[must_use]
    pub fn display_host(&self) -> Option<&str> {
        match &self.id {
            ClientId::Loopback(_) => None,
            ClientId::Discoverable(id) => Some(id.host()),
        }
    }

    /// The client's name. Its own claim: shown for trusted clients only.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The client's home page, on the host of its id.
    #[must_use]
    pub fn client_uri(&self) -> Option<&Url> {
        self.client_uri.as_ref()
    }

    /// The client's logo. Its own claim: shown for trusted clients only.
    #[must_use]
    pub fn logo_uri(&self) -> Option<&Url> {
        self.logo_uri.as_ref()
    }

    /// The client's terms of service.
    #[must_use]
    pub fn tos_uri(&self) -> Option<&Url> {
        self.tos_uri.as_ref()
    }

    /// The client's privacy policy.
    #[must_use]
    pub fn policy_uri(&self) -> Option<&Url> {
        self.policy_uri.as_ref()
    }
}
