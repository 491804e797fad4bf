//! Scopes: what an app may do. <https://atproto.com/specs/permission>, <https://atproto.com/specs/oauth>
//!
//! [`Scope`] is one permission, [`Scopes`] a set of them, which answers whether an act is allowed. A set that an app asks
//! for may name published permission sets ([`PermissionSet`]); [`Scopes::expand`] replaces the names by what they stand
//! for, which is what a token is held against. [`Scopes::grants`] says the same for the page on which people consent.

mod account;
mod blob;
mod grants;
mod include;
mod names;
mod permission_set;
mod repo;
mod rpc;
mod set;
mod syntax;

use std::fmt;
use std::str::FromStr;

pub use account::{
    AccountAction, AccountAttr, AccountScope, IdentityAttr, IdentityScope, needed_account,
    needed_identity,
};
pub use blob::{Accept, BlobScope, needed_blob};
pub use grants::{Grant, Power};
pub use include::IncludeScope;
pub use names::{Audience, Names, ServiceRef};
pub use permission_set::{PermissionSet, PermissionSetError};
pub use repo::{RepoAction, RepoActions, RepoScope, needed_repo};
pub use rpc::{RpcScope, needed_rpc};
pub use set::{Scopes, UnresolvedSet};
pub use syntax::MAX_SCOPE_BYTES;
use syntax::Parts;

/// Why a text is not a scope of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Longer than [`MAX_SCOPE_BYTES`].
    #[error("scope is too long")]
    TooLong,
    /// A character that no scope holds.
    #[error("scope has a character that is not allowed")]
    Character,
    /// A percent sign without two digits, or bytes that are not UTF-8.
    #[error("scope is not well percent-encoded")]
    PercentEncoding,
    /// A resource that is not known here.
    #[error("scope is of an unknown kind")]
    UnknownResource,
    /// A parameter that is not known here.
    #[error("scope has an unknown parameter")]
    UnknownParameter,
    /// A parameter both positional and named, or repeated where one value is allowed.
    #[error("scope has its parameter \"{0}\" more than once")]
    Twice(&'static str),
    /// A required parameter is missing.
    #[error("scope lacks its parameter \"{0}\"")]
    Missing(&'static str),
    /// The value of a parameter is not one that it may have.
    #[error("scope has an invalid value of its parameter \"{0}\"")]
    Value(&'static str),
    /// `rpc` for every method of every service.
    #[error("scope allows every method of every service")]
    AnyMethodAnywhere,
}

/// One permission. The order is the one in which a set prints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `atproto`: without it nothing is allowed.
    Atproto,
    /// `transition:generic`: what an app password could do.
    TransitionGeneric,
    /// `transition:email`: reading the e-mail address.
    TransitionEmail,
    /// `transition:chat.bsky`: private messages, together with `transition:generic`.
    TransitionChat,
    /// Changing a part of the account.
    Account(AccountScope),
    /// Changing a part of the identity.
    Identity(IdentityScope),
    /// Writing records.
    Repo(RepoScope),
    /// Calling services.
    Rpc(RpcScope),
    /// Uploading files.
    Blob(BlobScope),
    /// A published set of permissions.
    Include(IncludeScope),
}

impl Scope {
    /// Reads one scope.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let fixed =
            [Self::Atproto, Self::TransitionGeneric, Self::TransitionEmail, Self::TransitionChat];
        if let Some(scope) = fixed.into_iter().find(|scope| scope.fixed_name() == Some(text)) {
            return Ok(scope);
        }
        let parts = Parts::parse(text)?;
        match parts.resource {
            "account" => AccountScope::parse(&parts).map(Self::Account),
            "identity" => IdentityScope::parse(&parts).map(Self::Identity),
            "repo" => RepoScope::parse(&parts).map(Self::Repo),
            "rpc" => RpcScope::parse(&parts).map(Self::Rpc),
            "blob" => BlobScope::parse(&parts).map(Self::Blob),
            "include" => IncludeScope::parse(&parts).map(Self::Include),
            _ => Err(ScopeError::UnknownResource),
        }
    }

    const fn fixed_name(&self) -> Option<&'static str> {
        match self {
            Self::Atproto => Some("atproto"),
            Self::TransitionGeneric => Some("transition:generic"),
            Self::TransitionEmail => Some("transition:email"),
            Self::TransitionChat => Some("transition:chat.bsky"),
            _ => None,
        }
    }
}

/// The normal form: two scopes that allow the same by the same resource print the same.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(scope) => scope.fmt(f),
            Self::Identity(scope) => scope.fmt(f),
            Self::Repo(scope) => scope.fmt(f),
            Self::Rpc(scope) => scope.fmt(f),
            Self::Blob(scope) => scope.fmt(f),
            Self::Include(scope) => scope.fmt(f),
            fixed => f.write_str(fixed.fixed_name().unwrap_or_default()),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}
