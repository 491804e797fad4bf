//! Who calls: the kinds of caller that a handler can ask for, and how each is recognised.
//!
//! A method's row in the endpoint table names an [`Access`]; it decides both what the machinery accepts and the type
//! that the handler receives as `cx.caller`, so that a handler cannot be wired to a policy that does not fit.

mod basic;
mod check;
mod header;
mod methods;
mod oauth;
mod policy;
mod scopes;
mod service;
mod tokens;

use std::sync::Arc;

use cairn_model::Did;
use cairn_oauth::scope::Scopes;
use cairn_store::{Account, Applicant, SessionId};

pub use cairn_identity::service_auth::TokenUse;
pub use policy::{
    ADMIN, ANYONE, Access, AuthPolicy, FULL_SESSION, MODERATOR, NEWCOMER, OAuthPolicy, REFRESH,
    REPO_READER, SESSION, SESSION_OR_APPLICANT, SESSION_OR_MODERATOR, SESSION_OR_SERVICE, ScopeSet,
    SessionPolicy,
};
pub use tokens::{
    ACCESS_SECONDS, AccessClaims, REFRESH_SECONDS, RefreshClaims, SessionTokens, TokenError,
};

pub use check::authenticate;
pub(crate) use check::{check_admin, check_collector, session_of};
pub(crate) use header::is_dpop;
pub(crate) use methods::{CREATE_ACCOUNT, is_privileged, is_protected};
pub(crate) use oauth::Grants;
pub(crate) use service::verify_newcomer;

/// Methods without credentials; an `Authorization` header is not even looked at.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

/// What an access token allows, weakest last. The names on the wire are those of the legacy session scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionScope {
    /// Signed in with the account's password.
    Full,
    /// Signed in with an app password that may read direct messages.
    AppPasswordPrivileged,
    AppPassword,
    /// Signed in with an app password that is held to OAuth scopes, which stand beside it.
    AppPasswordScoped,
    /// Signed in to an account that is taken down: only what moving away needs.
    Takendown,
    /// Signed in by somebody whose account waits for the operator's approval.
    SignupQueued,
}

impl SessionScope {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "com.atproto.access",
            Self::AppPasswordPrivileged => "com.atproto.appPassPrivileged",
            Self::AppPassword => "com.atproto.appPass",
            // Our own. A server that does not know it refuses the token, instead of overlooking the scopes.
            Self::AppPasswordScoped => "com.atproto.appPassScoped",
            Self::Takendown => "com.atproto.takendown",
            Self::SignupQueued => "com.atproto.signupQueued",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Full,
            Self::AppPasswordPrivileged,
            Self::AppPassword,
            Self::AppPasswordScoped,
            Self::Takendown,
            Self::SignupQueued,
        ]
        .into_iter()
        .find(|scope| scope.as_str() == text)
    }

    /// What a policy must take: scopes only ever take away from what a privileged app password may.
    fn at_most(self) -> Self {
        match self {
            Self::AppPasswordScoped => Self::AppPasswordPrivileged,
            other => other,
        }
    }
}

/// An account that is signed in. The account row is as it was when the request came in.
#[derive(Clone, Debug)]
pub struct Session {
    pub account: Arc<Account>,
    /// For an OAuth client the weakest: what it may do stands in `grant`.
    pub scope: SessionScope,
    /// What the session is held to. None for passwords and app passwords without scopes.
    pub grant: Option<Arc<Grant>>,
}

/// What the account's owner allowed, and whom.
#[derive(Debug)]
pub struct Grant {
    pub holder: Holder,
    /// With permission sets written out.
    pub scopes: Scopes,
}

/// Who is held to scopes.
#[derive(Debug)]
pub enum Holder {
    Client { client_id: String, session: SessionId },
    AppPassword,
}

impl Session {
    pub fn did(&self) -> &Did {
        &self.account.did
    }

    /// Whether the account's own password was used.
    pub fn is_full(&self) -> bool {
        self.scope == SessionScope::Full
    }

    /// Whether private messages and account creation elsewhere are allowed. Where there are scopes they say so, and are
    /// held against each call ([`Session::check_rpc`]).
    pub fn is_privileged(&self) -> bool {
        matches!(self.scope, SessionScope::Full | SessionScope::AppPasswordPrivileged)
            || self.grant.is_some()
    }
}

/// The holder of a refresh token whose signature is good; whether it is still current is for the store to say.
#[derive(Clone, Debug)]
pub struct Refresh {
    pub did: Did,
    /// Names the token; the store keeps it hashed.
    pub jti: String,
    /// Seconds since 1970.
    pub expires_at: i64,
}

/// The operator.
#[derive(Clone, Copy, Debug)]
pub struct Admin;

/// The operator or the configured moderation service.
#[derive(Clone, Debug)]
pub enum Moderator {
    Admin,
    Service(Did),
}

/// Another service or account host that signed its request for this very method.
#[derive(Clone, Debug)]
pub struct Service {
    pub iss: Did,
    /// The use of the token, which is taken back if the call fails.
    pub token: TokenUse,
}

/// An account by session, or somebody who waits for one.
#[derive(Clone, Debug)]
pub enum SessionOrApplicant {
    Session(Session),
    Applicant(Box<Applicant>),
}

/// Who asks for a new account.
#[derive(Clone, Debug)]
pub enum Newcomer {
    Anyone,
    /// Who shows that a DID is theirs, to bring it along.
    Holder(Did),
    /// The operator, for somebody else.
    Admin,
}

/// An account by session or by a service token that it signed.
#[derive(Clone, Debug)]
pub enum SessionOrService {
    Session(Session),
    Service(Service),
}

/// An account by session, or the configured moderation service.
#[derive(Clone, Debug)]
pub enum SessionOrModerator {
    Session(Session),
    Service(Did),
}

impl SessionOrService {
    pub fn did(&self) -> &Did {
        match self {
            Self::Session(session) => session.did(),
            Self::Service(service) => &service.iss,
        }
    }
}

/// Who reads a repository: most readers are nobody in particular, owners and the operator see inactive ones too.
#[derive(Clone, Debug)]
pub enum RepoReader {
    Anyone,
    Owner(Did),
    Admin,
}

impl RepoReader {
    /// Whether an inactive repository of `did` may be shown to this reader.
    pub fn sees_inactive(&self, did: &Did) -> bool {
        match self {
            Self::Anyone => false,
            Self::Owner(owner) => owner == did,
            Self::Admin => true,
        }
    }
}

/// Any caller, as the machinery finds them.
#[derive(Clone, Debug)]
pub enum Credential {
    Anyone,
    Session(Session),
    Applicant(Box<Applicant>),
    Refresh(Refresh),
    Admin,
    Service(Service),
}

/// A type that handlers can ask for as `cx.caller`.
pub trait Caller: Sized + Send + 'static {
    /// `None` if the credential is of another kind: a mistake in the endpoint table.
    fn from_credential(credential: Credential) -> Option<Self>;
}

impl Caller for Anyone {
    fn from_credential(_: Credential) -> Option<Self> {
        Some(Self)
    }
}

impl Caller for Session {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Session(session) => Some(session),
            _ => None,
        }
    }
}

impl Caller for Refresh {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Refresh(refresh) => Some(refresh),
            _ => None,
        }
    }
}

impl Caller for Admin {
    fn from_credential(credential: Credential) -> Option<Self> {
        matches!(credential, Credential::Admin).then_some(Self)
    }
}

impl Caller for Moderator {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Admin => Some(Self::Admin),
            Credential::Service(service) => Some(Self::Service(service.iss)),
            _ => None,
        }
    }
}

impl Caller for Newcomer {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Anyone => Some(Self::Anyone),
            Credential::Service(service) => Some(Self::Holder(service.iss)),
            Credential::Admin => Some(Self::Admin),
            _ => None,
        }
    }
}

impl Caller for SessionOrApplicant {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Session(session) => Some(Self::Session(session)),
            Credential::Applicant(applicant) => Some(Self::Applicant(applicant)),
            _ => None,
        }
    }
}

impl Caller for SessionOrService {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Session(session) => Some(Self::Session(session)),
            Credential::Service(service) => Some(Self::Service(service)),
            _ => None,
        }
    }
}

impl Caller for SessionOrModerator {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Session(session) => Some(Self::Session(session)),
            Credential::Service(service) => Some(Self::Service(service.iss)),
            _ => None,
        }
    }
}

impl Caller for RepoReader {
    fn from_credential(credential: Credential) -> Option<Self> {
        match credential {
            Credential::Anyone => Some(Self::Anyone),
            Credential::Session(session) => Some(Self::Owner(session.account.did.clone())),
            Credential::Admin => Some(Self::Admin),
            _ => None,
        }
    }
}
