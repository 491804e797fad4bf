//! `/oauth/token`: codes and refresh tokens become access tokens. RFC 6749 §4.1.3 and §6

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use cairn_oauth::dpop::{DpopError, Proof};
use cairn_oauth::grant::{TokenRequest, TokenResponse};
use cairn_oauth::request::AuthorizationRequest;
use cairn_oauth::scope::Scopes;
use cairn_oauth::token::{ACCESS_TOKEN_LIFETIME, AccessToken, Code, RefreshToken};
use cairn_oauth::{OAuthError, OAuthErrorCode, pkce};
use cairn_store::{
    Account, AccountId, CodeError, IssuedOAuth, NewOAuthSession, OAuthCode, OAuthLifetimes,
    OAuthRefreshError, OAuthRequest, OAuthSession, RefreshOAuthSession, TokenId,
};
use http::StatusCode;
use http::request::Parts;

use crate::accounts::session::is_blocked;
use crate::app::App;
use crate::published_lexicons::Asker;

use super::client_auth::{self, Caller};
use super::endpoint::{Refusal, json_answer, proof};
use super::{body, permission_sets};

pub(super) async fn token(app: &App, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let params = body::params(&parts.headers, body).await?;
    let request = TokenRequest::from_params(&params)?;
    // The nonce first: a client repeats its request for a new one, with the same assertion.
    let proof = proof(app, parts)?.ok_or(DpopError::Missing)?;
    let caller = client_auth::authenticate(app, &params, Some(&proof)).await?;
    let issued = match request {
        TokenRequest::Code { code, redirect_uri, code_verifier } => {
            let offer =
                Offer { redirect_uri: redirect_uri.as_deref(), code_verifier: &code_verifier };
            use_code(app, &caller, &proof, &code, offer).await?
        }
        TokenRequest::Refresh { refresh_token, scope } => {
            refresh(app, &caller, &proof, token_id(&refresh_token), scope).await?
        }
    };
    answer(app, &issued).await
}

/// What a client brings along with its code.
#[derive(Clone, Copy)]
struct Offer<'a> {
    redirect_uri: Option<&'a str>,
    code_verifier: &'a str,
}

async fn use_code(
    app: &App,
    caller: &Caller,
    proof: &Proof,
    code: &Code,
    offer: Offer<'_>,
) -> Result<IssuedOAuth, Refusal> {
    let void = || OAuthError::invalid_grant("the code is not valid");
    let request = match app.store.oauth_code(code.hash()).await? {
        Some(OAuthCode::Granted(request)) => request,
        Some(OAuthCode::Used(session)) => {
            end_replayed(app, caller, &session, offer).await?;
            return Err(void().into());
        }
        None => return Err(void().into()),
    };
    let grant = request.grant.as_ref().ok_or_else(void)?;
    check_offer(caller, proof, &request, offer)?;
    let account = account(app, grant.account).await?;
    if !account.is_active() {
        return Err(OAuthError::invalid_grant("the account is not active").into());
    }
    let scope = Scopes::parse(&grant.scope);
    let granted = expanded(app, &scope).await?;
    let lifetimes = caller.client.lifetimes();
    let new = NewOAuthSession {
        client_auth: caller.auth_json()?,
        granted: granted.to_string(),
        jkt: proof.jkt.clone(),
        lifetimes: OAuthLifetimes {
            session: lifetimes.session,
            access: ACCESS_TOKEN_LIFETIME,
            refresh: caller.client.may_refresh().then_some(lifetimes.refresh_idle),
        },
    };
    app.store.create_oauth_session(code.hash(), new).await.map_err(|err| match err {
        CodeError::Unknown | CodeError::AlreadyUsed => void().into(),
        CodeError::Store(err) => err.into(),
    })
}

/// Whether the client that brings the code is the one that asked for it.
fn check_offer(
    caller: &Caller,
    proof: &Proof,
    request: &OAuthRequest,
    offer: Offer<'_>,
) -> Result<(), OAuthError> {
    caller.may_continue(&request.client_id, &request.client_auth)?;
    let parameters = parameters(&request.parameters)?;
    if offer.redirect_uri.is_some_and(|uri| uri != parameters.redirect_uri.as_str()) {
        return Err(OAuthError::invalid_grant("redirect_uri is not the one of the request"));
    }
    pkce::verify(offer.code_verifier, &parameters.code_challenge)?;
    if parameters.dpop_jkt.is_some_and(|jkt| jkt != proof.jkt) {
        return Err(OAuthError::invalid_grant("the code is bound to another key"));
    }
    Ok(())
}

/// A code that its own client uses twice was seen by somebody else: what came of it ends (RFC 6749 §4.1.2).
///
/// A stranger who has found the code in some history, without the verifier, ends nothing.
async fn end_replayed(
    app: &App,
    caller: &Caller,
    session: &OAuthSession,
    offer: Offer<'_>,
) -> Result<(), Refusal> {
    caller.may_continue(&session.client_id, &session.client_auth)?;
    pkce::verify(offer.code_verifier, &parameters(&session.parameters)?.code_challenge)?;
    app.store.delete_oauth_session(session.id).await?;
    tracing::info!(client = %session.client_id, "a code was used twice, its session is ended");
    Ok(())
}

/// A failure ends nothing: whoever has stolen a token must not be able to sign its owner out with it.
async fn refresh(
    app: &App,
    caller: &Caller,
    proof: &Proof,
    token: TokenId,
    wanted: Option<Scopes>,
) -> Result<IssuedOAuth, Refusal> {
    let void = || OAuthError::invalid_grant("the refresh token is not valid");
    let session = app.store.oauth_session_of_token(&token).await?.ok_or_else(void)?;
    caller.may_continue(&session.client_id, &session.client_auth)?;
    if session.jkt != proof.jkt {
        return Err(OAuthError::invalid_grant("the refresh token is bound to another key").into());
    }
    if !caller.client.may_refresh() {
        let message = "the client does not declare the grant type refresh_token";
        return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, message).into());
    }
    if is_blocked(&*account(app, session.account).await?) {
        return Err(OAuthError::invalid_grant("the account has been taken down").into());
    }
    let refresh = RefreshOAuthSession {
        token,
        granted: granted_anew(app, &session, wanted).await?.to_string(),
        access: ACCESS_TOKEN_LIFETIME,
        refresh: caller.client.lifetimes().refresh_idle,
    };
    app.store.refresh_oauth_session(refresh).await.map_err(|err| match err {
        OAuthRefreshError::Revoked | OAuthRefreshError::Expired => void().into(),
        OAuthRefreshError::Replayed => {
            tracing::info!(client = %session.client_id, "a refresh token was used twice, its session is ended");
            OAuthError::invalid_grant("the refresh token was used before; the session is revoked").into()
        }
        OAuthRefreshError::Store(err) => Refusal::from(err),
    })
}

/// What the next access token allows: what the person agreed to, or the part of it that the client wants. Permission sets
/// are written out anew; if one cannot be had now, all stays as it was.
async fn granted_anew(
    app: &App,
    session: &OAuthSession,
    wanted: Option<Scopes>,
) -> Result<Scopes, OAuthError> {
    let agreed = Scopes::parse(&session.scope);
    let granted = expanded_or_kept(app, session, &agreed).await;
    let Some(wanted) = wanted else { return Ok(granted) };
    let within = wanted.is_subset_of(&agreed) || wanted.is_subset_of(&granted);
    if !within || !wanted.contains_atproto() {
        let message = "scope must contain atproto and be within what was granted";
        return Err(OAuthError::new(OAuthErrorCode::InvalidScope, message));
    }
    Ok(expanded_or_kept(app, session, &wanted).await)
}

/// Which of the granted scopes came from which set is not known: without a set, the client keeps them all, and is told so.
async fn expanded_or_kept(app: &App, session: &OAuthSession, scopes: &Scopes) -> Scopes {
    expanded(app, scopes).await.unwrap_or_else(|err| {
        tracing::debug!(error = %err, "the permission sets of a session stay as they were");
        Scopes::parse(&session.granted)
    })
}

async fn expanded(app: &App, scopes: &Scopes) -> Result<Scopes, OAuthError> {
    permission_sets::find(app, scopes, Asker::Account).await?.expand(scopes)
}

fn parameters(stored: &str) -> Result<AuthorizationRequest, OAuthError> {
    serde_json::from_str(stored).map_err(OAuthError::server_error)
}

async fn account(app: &App, id: AccountId) -> Result<Arc<Account>, Refusal> {
    let account = app.store.account(id).await?;
    account.ok_or_else(|| OAuthError::invalid_grant("the account is gone").into())
}

/// What the store calls the refresh token.
pub(super) fn token_id(token: &RefreshToken) -> TokenId {
    TokenId::from_bytes(token.secret())
}

async fn answer(app: &App, issued: &IssuedOAuth) -> Result<Response, Refusal> {
    let IssuedOAuth { session, tokens } = issued;
    let account = account(app, session.account).await?;
    let access_token = AccessToken::from_secret(tokens.access.expose());
    let refresh_token = tokens.refresh.map(|token| RefreshToken::from_secret(token.expose()));
    let left = session.access_expires_at.duration_since(app.clock.now());
    let response = TokenResponse {
        access_token: &access_token,
        refresh_token: refresh_token.as_ref(),
        expires_in: left.try_into().unwrap_or_default(),
        scope: &Scopes::parse(&session.granted),
        sub: &account.did,
    };
    Ok(json_answer(StatusCode::OK, &response.to_json()))
}
