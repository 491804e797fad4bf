//! What the page at `/oauth/authorize` needs: the request that it is opened with, and the two ways to answer it.
//! RFC 6749 §4.1.1 and §4.1.2, RFC 9126 §4

use std::sync::Arc;

use cairn_oauth::client::ClientMetadata;
use cairn_oauth::request::{Answer, AuthorizationRequest, Response};
use cairn_oauth::scope::Scopes;
use cairn_oauth::token::{CODE_LIFETIME, Code, REQUEST_LIFETIME, RequestUri};
use cairn_oauth::{OAuthError, OAuthErrorCode};
use cairn_store::{Account, DeviceId, NewGrant, OpenRequestError, StoreError};
use jiff::Timestamp;

use crate::app::App;
use crate::published_lexicons::Asker;

pub use super::clients::display_host;
pub use super::permission_sets::PermissionSets;

use super::clients::{self, Age};
use super::permission_sets;

/// A request that a browser has opened and that waits for an answer.
pub struct OpenRequest {
    pub uri: RequestUri,
    pub request: AuthorizationRequest,
    pub client: Arc<ClientMetadata>,
    /// The permission sets that the request includes, for the words on the page.
    pub sets: PermissionSets,
    pub expires_at: Timestamp,
}

/// Why a request cannot be opened or answered. There is nobody to send the browser back to: the page says it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// There is no such request for this browser: the person starts again in the app.
    #[error(transparent)]
    Request(#[from] OpenRequestError),
    /// The request cannot be shown, and is over: this goes to the client.
    #[error("the request was refused")]
    Refused(Box<Response>),
    /// The client's document cannot be had any more, or an answer is not one that the request allows.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
}

impl From<StoreError> for AuthorizeError {
    fn from(err: StoreError) -> Self {
        Self::Request(err.into())
    }
}

/// Opens the request that a client has pushed, in the name of one browser, and gives it five more minutes. `client_id` is
/// what stands beside the URI in the page's address.
///
/// # Errors
/// See [`AuthorizeError`].
pub async fn load_request(
    app: &App,
    request_uri: &str,
    client_id: &str,
    device: DeviceId,
) -> Result<OpenRequest, AuthorizeError> {
    let uri = RequestUri::parse(request_uri).map_err(|_| OpenRequestError::Unknown)?;
    let pushed = app.store.oauth_request(uri.hash()).await?.ok_or(OpenRequestError::Unknown)?;
    // RFC 9126 §4: the client that pushed it, or nobody.
    if pushed.client_id != client_id {
        return Err(OpenRequestError::Unknown.into());
    }
    let opened = app.store.open_oauth_request(uri.hash(), device, REQUEST_LIFETIME).await?;
    let request: AuthorizationRequest =
        serde_json::from_str(&opened.parameters).map_err(OAuthError::server_error)?;
    let client = clients::find(app, client_id, Age::Cached).await?;
    let sets = PermissionSets::default();
    let mut open = OpenRequest { uri, request, client, sets, expires_at: opened.expires_at };
    match permission_sets::find(app, &open.request.scope, Asker::Stranger).await {
        Ok(sets) => open.sets = sets,
        Err(err) => return Err(AuthorizeError::Refused(Box::new(deny(app, &open, &err).await?))),
    }
    Ok(open)
}

/// Whether the owner of an account must be asked: always for clients that anybody could claim to be, else when they have
/// not agreed to as much before.
///
/// # Errors
/// When the store fails.
pub async fn needs_consent(
    app: &App,
    open: &OpenRequest,
    account: &Account,
) -> Result<bool, StoreError> {
    if open.request.must_ask(&open.client) {
        return Ok(true);
    }
    let client_id = open.client.id().as_str();
    let agreed = app.store.authorized_client(account.id, client_id).await?;
    Ok(agreed.is_none_or(|agreed| !open.request.scope.is_subset_of(&Scopes::parse(&agreed))))
}

/// Grants the request in the name of an account that is signed in on the browser: all that it asks for, or a part of it
/// that has `atproto`.
///
/// # Errors
/// See [`AuthorizeError`]; [`AuthorizeError::OAuth`] for scopes that were not asked for and accounts that are not active.
pub async fn grant(
    app: &App,
    open: &OpenRequest,
    device: DeviceId,
    account: &Account,
    scopes: &Scopes,
) -> Result<Response, AuthorizeError> {
    if !scopes.is_subset_of(&open.request.scope) || !scopes.contains_atproto() {
        let message = "the granted scopes are not among those that were asked for";
        return Err(OAuthError::new(OAuthErrorCode::InvalidScope, message).into());
    }
    if !account.is_active() {
        let message = "the account is not active";
        return Err(OAuthError::new(OAuthErrorCode::AccessDenied, message).into());
    }
    let code = Code::generate();
    let grant = NewGrant {
        account: account.id,
        scope: scopes.to_string(),
        code_hash: code.hash(),
        lifetime: CODE_LIFETIME,
        // Anybody can be a client on the person's own machine: that one was agreed to says nothing.
        remember: open.client.display_host().is_some(),
    };
    app.store.grant_oauth_request(open.uri.hash(), device, grant).await?;
    Ok(open.request.redirect_with(&app.config.public_url, Answer::Code(&code)))
}

/// Ends the request with an error for the client: `access_denied` when the person says no.
///
/// # Errors
/// When the store fails.
pub async fn deny(
    app: &App,
    open: &OpenRequest,
    error: &OAuthError,
) -> Result<Response, StoreError> {
    app.store.delete_oauth_request(open.uri.hash()).await?;
    Ok(open.request.redirect_with(&app.config.public_url, Answer::Error(error)))
}
