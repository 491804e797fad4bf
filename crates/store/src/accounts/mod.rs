//! Accounts: who is hosted here, under which names, and in which state.
//!
//! The lifecycle and its events follow <https://atproto.com/specs/account> and
//! <https://atproto.com/guides/account-lifecycle>. Every change of an account is one job of the
//! writer, together with the events that tell of it.

mod applicants;
mod cache;
pub(crate) mod columns;
mod create;
mod credentials;
mod delete;
mod events;
mod founding;
mod keys;
mod list;
mod lookup;
mod no_password;
mod quotas;
mod rotation;
pub(crate) mod secrets;
mod status;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tidy;

use std::fmt;

use cairn_model::{Did, Handle};
use jiff::Timestamp;

pub use applicants::Applicant;
pub(crate) use cache::AccountCache;
pub use create::{CreateAccountError, NewAccount};
pub use credentials::{AccountError, ChangedBy, EndSessions, SetEmailError, UpdateHandleError};
pub(crate) use credentials::{set_email_confirmed, set_password};
pub use keys::ReserveKeyError;
pub(crate) use keys::signing_key;
pub use list::{AccountCount, AccountOrder, AccountQuery, ListedAccount};
pub(crate) use lookup::{Standing, find, standing_of, status_of};
pub use no_password::RemovePasswordError;
pub use quotas::Quotas;
pub(crate) use quotas::quota_row;
pub use rotation::{PrepareKeyError, RotateKeyError};
pub use status::ActivateError;
pub use tidy::Tidied;

use crate::AccountId;

/// One account, as it was when it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub did: Did,
    /// None when the account lost its handle; shown as `handle.invalid`.
    pub handle: Option<Handle>,
    pub email: Option<String>,
    pub email_confirmed_at: Option<Timestamp>,
    /// The password hash in PHC form; none for accounts without a password of their own.
    pub password_hash: Option<String>,
    pub created_at: Timestamp,
    pub deactivated_at: Option<Timestamp>,
    /// When a deactivated account asked to be deleted.
    pub delete_after: Option<Timestamp>,
    pub suspended_at: Option<Timestamp>,
    /// The moderation reference of a takedown.
    pub takedown_ref: Option<String>,
    /// Whether the account gets no more invite codes.
    pub invites_disabled: bool,
    /// What moderators noted with that.
    pub invite_note: Option<String>,
    /// Whether the owner wants a code mailed at each sign-in with the account's own password. It is asked for
    /// when [`Account::needs_mailed_code`] says so.
    pub email_auth_factor: bool,
    /// Its own quotas, where it has any.
    pub quotas: Quotas,
}

/// Without what must not reach a log: the password hash and the e-mail address.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("did", &self.did)
            .field("handle", &self.handle)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Account {
    /// The state that others see. A takedown outweighs a suspension, and both a deactivation.
    pub fn status(&self) -> AccountStatus {
        if self.takedown_ref.is_some() {
            return AccountStatus::Takendown;
        }
        if self.suspended_at.is_some() {
            return AccountStatus::Suspended;
        }
        if self.deactivated_at.is_some() {
            return AccountStatus::Deactivated;
        }
        AccountStatus::Active
    }

    /// Whether signing in with the account's own password takes a mailed code too.
    ///
    /// Only a confirmed address counts: a new one with a slip in it would lock its owner out.
    pub fn needs_mailed_code(&self) -> bool {
        self.email_auth_factor && self.email.is_some() && self.email_confirmed_at.is_some()
    }

    /// Whether records may be written and are shown.
    pub fn is_active(&self) -> bool {
        self.status().is_active()
    }
}

/// The states of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountStatus {
    Active,
    Deactivated,
    Suspended,
    Takendown,
}

impl AccountStatus {
    /// Whether the account's content is served.
    pub fn is_active(self) -> bool {
        self == Self::Active
    }

    /// Whether records may be written.
    pub fn is_writable(self) -> bool {
        self.is_active()
    }

    /// The `status` of `#account` and `getRepoStatus`; none for an active account.
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Deactivated => Some("deactivated"),
            Self::Suspended => Some("suspended"),
            Self::Takendown => Some("takendown"),
        }
    }
}

/// How an account is named in a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountRef {
    Id(AccountId),
    Did(Did),
    Handle(Handle),
    /// Compared without regard to ASCII case.
    Email(String),
}

impl From<AccountId> for AccountRef {
    fn from(id: AccountId) -> Self {
        Self::Id(id)
    }
}

impl From<Did> for AccountRef {
    fn from(did: Did) -> Self {
        Self::Did(did)
    }
}

impl From<&Did> for AccountRef {
    fn from(did: &Did) -> Self {
        Self::Did(did.clone())
    }
}

impl From<Handle> for AccountRef {
    fn from(handle: Handle) -> Self {
        Self::Handle(handle)
    }
}

impl From<cairn_model::AtIdentifier> for AccountRef {
    fn from(identifier: cairn_model::AtIdentifier) -> Self {
        match identifier {
            cairn_model::AtIdentifier::Did(did) => Self::Did(did),
            cairn_model::AtIdentifier::Handle(handle) => Self::Handle(handle),
        }
    }
}

/// The account is not hosted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such account")]
pub struct NoAccount;
