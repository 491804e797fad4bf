//! What a session may do by its OAuth scopes. Sessions of the account's own making have none and may do all of it.

use cairn_model::Nsid;
use cairn_oauth::scope::{
    AccountAction, AccountAttr, IdentityAttr, RepoAction, Scopes, needed_account, needed_blob,
    needed_identity, needed_repo, needed_rpc,
};

use crate::error::XrpcError;

use super::Session;

impl Session {
    /// Whether records of a collection may be made, replaced or removed.
    ///
    /// # Errors
    /// 403 `ScopeMissingError`.
    pub fn check_repo(&self, action: RepoAction, collection: &Nsid) -> Result<(), XrpcError> {
        let collection = collection.as_str();
        self.check(
            |scopes| scopes.allows_repo(action, collection),
            || needed_repo(action, collection),
        )
    }

    /// Whether a method of a service (`did#id`) may be called in the account's name.
    ///
    /// # Errors
    /// 403 `ScopeMissingError`.
    pub fn check_rpc(&self, lxm: &str, aud: &str) -> Result<(), XrpcError> {
        self.check(|scopes| scopes.allows_rpc(lxm, aud), || needed_rpc(lxm, aud))
    }

    /// Whether files of a type may be uploaded.
    ///
    /// # Errors
    /// 403 `ScopeMissingError`.
    pub fn check_blob(&self, mime: &str) -> Result<(), XrpcError> {
        self.check(|scopes| scopes.allows_blob(mime), || needed_blob(mime))
    }

    /// Whether a part of the account may be seen or changed.
    ///
    /// # Errors
    /// 403 `ScopeMissingError`.
    pub fn check_account(&self, attr: AccountAttr, action: AccountAction) -> Result<(), XrpcError> {
        self.check(|scopes| scopes.allows_account(attr, action), || needed_account(attr, action))
    }

    /// Whether a part of the identity may be changed.
    ///
    /// # Errors
    /// 403 `ScopeMissingError`.
    pub fn check_identity(&self, attr: IdentityAttr) -> Result<(), XrpcError> {
        self.check(|scopes| scopes.allows_identity(attr), || needed_identity(attr))
    }

    fn check(
        &self,
        allows: impl FnOnce(&Scopes) -> bool,
        needed: impl FnOnce() -> String,
    ) -> Result<(), XrpcError> {
        match &self.oauth {
            Some(grant) if !allows(&grant.scopes) => Err(XrpcError::forbidden(
                "ScopeMissingError",
                format!("Missing required scope \"{}\"", needed()),
            )),
            _ => Ok(()),
        }
    }
}
