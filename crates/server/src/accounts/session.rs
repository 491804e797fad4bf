//! What the session methods share: signing in, tokens, and the account as its owner sees it.

use cairn_model::{Did, Handle};
use cairn_oauth::scope::{AccountAction, AccountAttr, Scopes};
use cairn_store::{
    Account, AccountStatus, AppPassword, AppPasswordRights, Applicant, CreateSessionError,
    IssuedToken, NewSession, SessionClient,
};
use http::{HeaderMap, header};
use serde::Serialize;

use crate::App;
use crate::auth::SessionScope;
use crate::error::XrpcError;
use crate::xrpc::Cx;

use super::identity;

/// The two tokens of a session.
pub struct Tokens {
    pub access_jwt: String,
    pub refresh_jwt: String,
    /// Whether who holds them may know the account's e-mail address.
    pub sees_email: bool,
}

/// The account, as `createSession`, `refreshSession` and `getSession` tell it to its owner.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_jwt: Option<String>,
    did: String,
    handle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    did_doc: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_confirmed: Option<bool>,
    /// Whether signing in takes a mailed code.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_auth_factor: Option<bool>,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl SessionAnswer {
    /// Describes the account, with tokens where the method gives some.
    pub async fn new(app: &App, account: &Account, tokens: Option<Tokens>) -> Self {
        let sees_email = tokens.as_ref().is_none_or(|tokens| tokens.sees_email);
        let (access_jwt, refresh_jwt) =
            tokens.map(|tokens| (tokens.access_jwt, tokens.refresh_jwt)).unzip();
        let answer = Self {
            access_jwt,
            refresh_jwt,
            did: account.did.to_string(),
            handle: identity::shown_handle(account),
            did_doc: identity::document_for_session(app, &account.did).await,
            email: account.email.clone(),
            email_confirmed: Some(account.email_confirmed_at.is_some()),
            email_auth_factor: Some(account.needs_mailed_code()),
            active: account.is_active(),
            status: account.status().as_str(),
        };
        if sees_email { answer } else { answer.without_email() }
    }

    /// The same for somebody whose account waits for approval: not active, and of no state that the protocol has a
    /// word for. The token's scope tells clients what it is.
    pub fn waiting(applicant: &Applicant, tokens: Option<Tokens>) -> Self {
        let (access_jwt, refresh_jwt) =
            tokens.map(|tokens| (tokens.access_jwt, tokens.refresh_jwt)).unzip();
        let handle = applicant.handle.as_ref().map(Handle::to_string);
        Self {
            access_jwt,
            refresh_jwt,
            did: applicant.did.to_string(),
            handle: handle.unwrap_or_else(|| identity::INVALID_HANDLE.to_owned()),
            did_doc: None,
            email: applicant.email.clone(),
            email_confirmed: Some(false),
            email_auth_factor: Some(false),
            active: false,
            status: None,
        }
    }

    /// The same for a client that may not know the e-mail address.
    pub fn without_email(self) -> Self {
        Self { email: None, email_confirmed: None, email_auth_factor: None, ..self }
    }
}

/// What is said of a wrong password and of an unknown account.
pub fn wrong_password() -> XrpcError {
    XrpcError::auth_required("Invalid identifier or password")
}

/// Opens a session in the store and makes its tokens, unless the credential was changed since `account` was read.
pub async fn open(
    app: &App,
    account: &Account,
    app_password: Option<AppPassword>,
    client: SessionClient,
) -> Result<Tokens, XrpcError> {
    let new = NewSession { app_password, password_hash: account.password_hash.clone(), client };
    let issued = app.store.create_session(account.id, new).await.map_err(not_opened)?;
    Ok(tokens(app, account, &issued))
}

/// The same for somebody whose account waits for approval. The session goes on as one of the account.
pub async fn open_waiting(
    app: &App,
    applicant: &Applicant,
    client: SessionClient,
) -> Result<Tokens, XrpcError> {
    let new =
        NewSession { app_password: None, password_hash: applicant.password_hash.clone(), client };
    let issued = app.store.create_session(applicant.id, new).await.map_err(not_opened)?;
    Ok(waiting_tokens(app, applicant, &issued))
}

fn not_opened(err: CreateSessionError) -> XrpcError {
    match err {
        CreateSessionError::CredentialGone => wrong_password(),
        CreateSessionError::Store(err) => err.into(),
    }
}

/// The tokens for a session that the store has opened or renewed.
pub fn tokens(app: &App, account: &Account, issued: &IssuedToken) -> Tokens {
    let (did, now) = (&account.did, app.now_seconds());
    let plain = |scope| (app.tokens.access(did, scope, now), true);
    let (access_jwt, sees_email) = match issued.app_password.as_ref().map(|used| &used.rights) {
        None => plain(SessionScope::Full),
        Some(AppPasswordRights::Privileged) => plain(SessionScope::AppPasswordPrivileged),
        Some(AppPasswordRights::Standard) => plain(SessionScope::AppPassword),
        Some(AppPasswordRights::Scoped(scopes)) => {
            let sees =
                Scopes::parse(scopes).allows_account(AccountAttr::Email, AccountAction::Read);
            (app.tokens.access_within(did, scopes, now), sees)
        }
    };
    let refresh_jwt = refresh_jwt(app, did, issued);
    Tokens { access_jwt, refresh_jwt, sees_email }
}

/// The same for somebody whose account waits for approval.
pub fn waiting_tokens(app: &App, applicant: &Applicant, issued: &IssuedToken) -> Tokens {
    let scope = SessionScope::SignupQueued;
    Tokens {
        access_jwt: app.tokens.access(&applicant.did, scope, app.now_seconds()),
        refresh_jwt: refresh_jwt(app, &applicant.did, issued),
        sees_email: true,
    }
}

fn refresh_jwt(app: &App, did: &Did, issued: &IssuedToken) -> String {
    let expires_at = issued.expires_at.as_second();
    app.tokens.refresh(did, &issued.token_id.to_string(), app.now_seconds(), expires_at)
}

/// Tokens for an account that is taken down: they allow to move away, and cannot be renewed because no session is
/// behind them.
pub fn takendown_tokens(app: &App, account: &Account) -> Tokens {
    let now = app.now_seconds();
    let no_session = data_encoding::BASE64URL_NOPAD.encode(&cairn_identity::random_bytes::<32>());
    let expires_at = now.saturating_add(crate::auth::ACCESS_SECONDS);
    Tokens {
        access_jwt: app.tokens.access(&account.did, SessionScope::Takendown, now),
        refresh_jwt: app.tokens.refresh(&account.did, &no_session, now, expires_at),
        sees_email: true,
    }
}

/// Whether moderation keeps the account from being used.
pub fn is_blocked(account: &Account) -> bool {
    matches!(account.status(), AccountStatus::Takendown | AccountStatus::Suspended)
}

/// 401 `AccountTakedown`.
pub fn takedown_error() -> XrpcError {
    XrpcError::unauthorized("AccountTakedown", "Account has been taken down")
}

/// Who signs in from where, for the owner's list of sessions.
pub fn client_of<C>(cx: &Cx<C>) -> SessionClient {
    SessionClient { user_agent: user_agent(cx.headers()), ip: Some(cx.client_ip.to_string()) }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT)?.to_str().ok().map(str::to_owned)
}
