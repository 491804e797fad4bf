//! What a session may do by its OAuth scopes: those of an OAuth client, and those of an app password that has some. Other
//! sessions have none, and may do what the method's policy says.

use cairn_model::Nsid;
use cairn_oauth::scope::{
    AccountAction, AccountAttr, IdentityAttr, RepoAction, Scopes, needed_account, needed_blob,
    needed_identity, needed_repo, needed_rpc,
};

use http::request::Parts;

use crate::app::App;
use crate::error::XrpcError;
use crate::proxy;
use crate::xrpc::Endpoint;
use crate::xrpc::body::content_type;

use super::policy::OAuthPolicy;
use super::{Holder, Session, oauth};

/// Holds the scopes of a session, if it has some, against what a method asks for.
///
/// # Errors
/// 403 `ScopeMissingError` with the scope that would do; 403 `Forbidden` where none does.
pub(super) fn allow(
    app: &App,
    endpoint: &Endpoint,
    request: &Parts,
    session: &Session,
) -> Result<(), XrpcError> {
    let Some(grant) = &session.grant else { return Ok(()) };
    match endpoint.oauth {
        OAuthPolicy::Never => Err(match grant.holder {
            Holder::Client { .. } => oauth::never(),
            Holder::AppPassword => XrpcError::forbidden(
                "Forbidden",
                "App passwords with scopes are not supported for this endpoint",
            ),
        }),
        OAuthPolicy::Any | OAuthPolicy::Repo | OAuthPolicy::RpcOfInput => Ok(()),
        OAuthPolicy::Rpc => {
            let aud = proxy::audience(&app.config, &request.headers, endpoint.nsid)?;
            session.check_rpc(endpoint.nsid, &aud)
        }
        OAuthPolicy::Blob => session.check_blob(&content_type(&request.headers)?),
        OAuthPolicy::Account(attr, action) => session.check_account(attr, action),
        OAuthPolicy::Identity(attr) => session.check_identity(attr),
    }
}

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
        match &self.grant {
            Some(grant) if !allows(&grant.scopes) => Err(XrpcError::forbidden(
                "ScopeMissingError",
                format!("Missing required scope \"{}\"", needed()),
            )),
            _ => Ok(()),
        }
    }
}
