//! `com.atproto.server.refreshSession`

use cairn_store::{RefreshError, TokenId};

use crate::accounts::session::{self, SessionAnswer};
use crate::auth::Refresh;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Result};

pub async fn refresh_session(cx: Cx<Refresh>) -> Result<Json<SessionAnswer>> {
    let account = cx.app.store.account(&cx.caller.did).await?;
    let Some(account) = account else { return refresh_waiting(&cx).await };
    if session::is_blocked(&account) {
        return Err(session::takedown_error());
    }
    let token = TokenId::parse(&cx.caller.jti).ok_or_else(revoked)?;
    let issued = cx.app.store.refresh_session(token, session::client_of(&cx)).await;
    let issued = issued.map_err(refused)?;
    if issued.account != account.id {
        return Err(revoked());
    }
    let tokens = session::tokens(&cx.app, &account, &issued);
    Ok(Json(SessionAnswer::new(&cx.app, &account, Some(tokens)).await))
}

/// Somebody whose account waits for approval. Once it is given, the same token opens the account.
///
/// Interop: of an account that is gone, the reference says «Could not find user info» as `InvalidRequest`. Clients sign out for
/// the errors that the lexicon names only, and kept such a session for ever.
async fn refresh_waiting(cx: &Cx<Refresh>) -> Result<Json<SessionAnswer>> {
    let Some(applicant) = cx.app.store.applicant(&cx.caller.did).await? else {
        return Err(revoked());
    };
    let token = TokenId::parse(&cx.caller.jti).ok_or_else(revoked)?;
    let issued = cx.app.store.refresh_session(token, session::client_of(cx)).await;
    let issued = issued.map_err(refused)?;
    if issued.account != applicant.id {
        return Err(revoked());
    }
    let tokens = session::waiting_tokens(&cx.app, &applicant, &issued);
    Ok(Json(SessionAnswer::waiting(&applicant, Some(tokens))))
}

fn revoked() -> XrpcError {
    XrpcError::expired_token("Token has been revoked")
}

fn refused(err: RefreshError) -> XrpcError {
    match err {
        RefreshError::Expired => XrpcError::expired_token("Token has expired"),
        RefreshError::Revoked | RefreshError::Reused => revoked(),
        RefreshError::Store(err) => err.into(),
    }
}
