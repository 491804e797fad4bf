//! Who may call a method, as data: the endpoint table holds it, the machinery enforces it, tests try every method against it.

use std::marker::PhantomData;

use cairn_oauth::scope::{AccountAction, AccountAttr, IdentityAttr};

use super::{
    Admin, Anyone, Moderator, Newcomer, Refresh, RepoReader, Session, SessionOrApplicant,
    SessionOrModerator, SessionOrService, SessionScope,
};

/// A set of [`SessionScope`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeSet(u8);

impl ScopeSet {
    pub const FULL: Self = Self(1 << SessionScope::Full as u8);
    pub const PRIVILEGED: Self = Self::FULL.with(SessionScope::AppPasswordPrivileged);
    pub const STANDARD: Self = Self::PRIVILEGED.with(SessionScope::AppPassword);

    #[must_use]
    pub const fn with(self, scope: SessionScope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    pub const fn contains(self, scope: SessionScope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }
}

/// What a session must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    pub scopes: ScopeSet,
    /// 401 `AccountTakedown` for accounts that are taken down.
    pub refuse_takendown: bool,
    /// 401 `AccountDeactivated` for accounts that are deactivated.
    pub refuse_deactivated: bool,
}

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthPolicy {
    Anyone,
    Session(SessionPolicy),
    Refresh { expired_ok: bool },
    Admin,
    Moderator,
    Newcomer,
    SessionOrApplicant(SessionPolicy),
    SessionOrService(SessionPolicy),
    SessionOrModerator(SessionPolicy),
    RepoReader(SessionPolicy),
}

/// What an OAuth client must have been allowed to call a method that sessions may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthPolicy {
    /// No client may, whatever it was allowed.
    Never,
    /// Any client.
    Any,
    /// `rpc`: this method, at the service that the call goes to.
    Rpc,
    /// `rpc`: the method and the service that the input names; the handler checks it.
    RpcOfInput,
    /// `repo`: the collections that the input names; the handler checks each write.
    Repo,
    /// `blob`: the content type of the request.
    Blob,
    /// `account`
    Account(AccountAttr, AccountAction),
    /// `identity`
    Identity(IdentityAttr),
}

/// A policy together with the type of caller that it yields.
pub struct Access<C> {
    pub(crate) policy: AuthPolicy,
    caller: PhantomData<fn() -> C>,
}

impl<C> Access<C> {
    const fn new(policy: AuthPolicy) -> Self {
        Self { policy, caller: PhantomData }
    }
}

const fn scoped(scopes: ScopeSet) -> SessionPolicy {
    SessionPolicy { scopes, refuse_takendown: false, refuse_deactivated: false }
}

/// No credentials at all.
pub const ANYONE: Access<Anyone> = Access::new(AuthPolicy::Anyone);
/// Any session: password or app password.
pub const SESSION: Access<Session> = Access::new(AuthPolicy::Session(scoped(ScopeSet::STANDARD)));
/// The account's own password only.
pub const FULL_SESSION: Access<Session> = Access::new(AuthPolicy::Session(scoped(ScopeSet::FULL)));
/// A refresh token.
pub const REFRESH: Access<Refresh> = Access::new(AuthPolicy::Refresh { expired_ok: false });
/// HTTP Basic as `admin`.
pub const ADMIN: Access<Admin> = Access::new(AuthPolicy::Admin);
/// The operator, or a service token of the configured moderation service.
pub const MODERATOR: Access<Moderator> = Access::new(AuthPolicy::Moderator);
/// Nobody, a service token for this method, or the operator.
pub const NEWCOMER: Access<Newcomer> = Access::new(AuthPolicy::Newcomer);
/// A session, also of somebody whose account waits for the operator's approval.
pub const SESSION_OR_APPLICANT: Access<SessionOrApplicant> = Access::new(
    AuthPolicy::SessionOrApplicant(scoped(ScopeSet::STANDARD.with(SessionScope::SignupQueued))),
);
/// A session, or a service token for this method.
pub const SESSION_OR_SERVICE: Access<SessionOrService> =
    Access::new(AuthPolicy::SessionOrService(scoped(ScopeSet::STANDARD)));
/// A session, or a service token of the configured moderation service.
pub const SESSION_OR_MODERATOR: Access<SessionOrModerator> =
    Access::new(AuthPolicy::SessionOrModerator(scoped(ScopeSet::STANDARD)));
/// Nobody, the signed-in owner, or the operator.
pub const REPO_READER: Access<RepoReader> =
    Access::new(AuthPolicy::RepoReader(scoped(ScopeSet::STANDARD)));

impl<C> Access<C> {
    const fn map_session(self, change: SessionChange) -> Self {
        let policy = match self.policy {
            AuthPolicy::Session(session) => AuthPolicy::Session(change.apply(session)),
            AuthPolicy::SessionOrApplicant(session) => {
                AuthPolicy::SessionOrApplicant(change.apply(session))
            }
            AuthPolicy::SessionOrService(session) => {
                AuthPolicy::SessionOrService(change.apply(session))
            }
            AuthPolicy::SessionOrModerator(session) => {
                AuthPolicy::SessionOrModerator(change.apply(session))
            }
            AuthPolicy::RepoReader(session) => AuthPolicy::RepoReader(change.apply(session)),
            other => other,
        };
        Self::new(policy)
    }

    /// Also sessions of accounts that are taken down.
    #[must_use]
    pub const fn or_takendown(self) -> Self {
        self.map_session(SessionChange::Allow(SessionScope::Takendown))
    }

    /// Also sessions of accounts that wait in a sign-up queue.
    #[must_use]
    pub const fn or_signup_queued(self) -> Self {
        self.map_session(SessionChange::Allow(SessionScope::SignupQueued))
    }

    /// 401 `AccountTakedown` for accounts that are taken down.
    #[must_use]
    pub const fn not_takendown(self) -> Self {
        self.map_session(SessionChange::RefuseTakendown)
    }

    /// Active accounts only.
    #[must_use]
    pub const fn active(self) -> Self {
        self.map_session(SessionChange::RefuseTakendown)
            .map_session(SessionChange::RefuseDeactivated)
    }
}

impl Access<Refresh> {
    /// Also tokens past their time, for signing out.
    #[must_use]
    pub const fn or_expired(self) -> Self {
        Self::new(AuthPolicy::Refresh { expired_ok: true })
    }
}

#[derive(Clone, Copy)]
enum SessionChange {
    Allow(SessionScope),
    RefuseTakendown,
    RefuseDeactivated,
}

impl SessionChange {
    const fn apply(self, mut policy: SessionPolicy) -> SessionPolicy {
        match self {
            Self::Allow(scope) => policy.scopes = policy.scopes.with(scope),
            Self::RefuseTakendown => policy.refuse_takendown = true,
            Self::RefuseDeactivated => policy.refuse_deactivated = true,
        }
        policy
    }
}
