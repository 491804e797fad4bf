//! `account` and `identity`: the account itself, its handle and DID document.
//! <https://atproto.com/specs/permission#account>, <https://atproto.com/specs/permission#identity>

use std::fmt;

use super::ScopeError;
use super::syntax::{self, Parts};

/// A part of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountAttr {
    /// The e-mail address.
    Email,
    /// The whole repository, as a CAR file.
    Repo,
    /// Whether the account is active.
    ///
    /// Interop: not in the specification, but asked for by apps because the reference implementation has it.
    Status,
}

impl AccountAttr {
    const ALL: [Self; 3] = [Self::Email, Self::Repo, Self::Status];

    /// As a scope has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Repo => "repo",
            Self::Status => "status",
        }
    }
}

/// What is done with a part of the account. Managing includes reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountAction {
    /// It is seen.
    Read,
    /// It is changed.
    Manage,
}

impl AccountAction {
    /// As a scope has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Manage => "manage",
        }
    }

    fn parse(text: &str) -> Result<Self, ScopeError> {
        let action = [Self::Read, Self::Manage].into_iter().find(|action| action.as_str() == text);
        action.ok_or(ScopeError::Value("action"))
    }
}

/// The permission to see or change a part of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountScope {
    /// The part.
    pub attr: AccountAttr,
    /// The most that may be done.
    pub action: AccountAction,
}

impl AccountScope {
    pub(super) fn parse(parts: &Parts<'_>) -> Result<Self, ScopeError> {
        parts.only(&["attr", "action"])?;
        let attr = parts.main_single("attr")?;
        let attr = AccountAttr::ALL.into_iter().find(|known| known.as_str() == attr);
        let attr = attr.ok_or(ScopeError::Value("attr"))?;
        // Interop: the specification has one action; several are taken, as by the reference implementation, and the
        // greater includes the lesser.
        let actions = parts.all("action").into_iter().map(AccountAction::parse);
        let actions = actions.collect::<Result<Vec<_>, _>>()?;
        let action = actions.into_iter().max().unwrap_or(AccountAction::Read);
        Ok(Self { attr, action })
    }

    /// Whether the permission covers an action.
    #[must_use]
    pub fn allows(&self, attr: AccountAttr, action: AccountAction) -> bool {
        self.attr == attr && self.action >= action
    }
}

impl fmt::Display for AccountScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params: &[(&str, &str)] = match self.action {
            AccountAction::Read => &[],
            AccountAction::Manage => &[("action", "manage")],
        };
        syntax::print(f, "account", ("attr", &[self.attr.as_str()]), params)
    }
}

/// The scope that an app lacks for a part of the account.
#[must_use]
pub fn needed_account(attr: AccountAttr, action: AccountAction) -> String {
    AccountScope { attr, action }.to_string()
}

/// A part of the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityAttr {
    /// The handle.
    Handle,
    /// The whole DID document, the handle included.
    Any,
}

impl IdentityAttr {
    /// As a scope has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handle => "handle",
            Self::Any => "*",
        }
    }
}

/// The permission to change a part of the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityScope {
    /// The part.
    pub attr: IdentityAttr,
}

impl IdentityScope {
    pub(super) fn parse(parts: &Parts<'_>) -> Result<Self, ScopeError> {
        parts.only(&["attr"])?;
        match parts.main_single("attr")? {
            "handle" => Ok(Self { attr: IdentityAttr::Handle }),
            "*" => Ok(Self { attr: IdentityAttr::Any }),
            _ => Err(ScopeError::Value("attr")),
        }
    }

    /// Whether the permission covers a part.
    #[must_use]
    pub fn allows(&self, attr: IdentityAttr) -> bool {
        self.attr >= attr
    }
}

impl fmt::Display for IdentityScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        syntax::print(f, "identity", ("attr", &[self.attr.as_str()]), &[])
    }
}

/// The scope that an app lacks for a part of the identity.
#[must_use]
pub fn needed_identity(attr: IdentityAttr) -> String {
    IdentityScope { attr }.to_string()
}
