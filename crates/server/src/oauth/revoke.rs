//! `/oauth/revoke`: a client ends its session by one of its tokens. RFC 7009

use axum::body::Body;
use axum::response::Response;
use cairn_oauth::token::{AccessToken, RefreshToken};
use cairn_store::OAuthSecret;
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use crate::app::App;

use super::endpoint::{Refusal, json_answer, proof};
use super::token::token_id;
use super::{body, client_auth};

/// A token that is not known, or not the client's, is no error (RFC 7009 §2.2).
pub(super) async fn revoke(app: &App, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let params = body::params(&parts.headers, body).await?;
    let token = params.require("token")?.to_owned();
    let proof = proof(app, parts)?;
    let caller = client_auth::authenticate(app, &params, proof.as_ref()).await?;
    let client_id = caller.client.id().as_str();
    if let Ok(token) = AccessToken::parse(&token) {
        app.store.revoke_oauth_access(&access_secret(&token), client_id).await?;
    } else if let Ok(token) = RefreshToken::parse(&token) {
        app.store.revoke_oauth_token(token_id(&token), client_id).await?;
    }
    Ok(json_answer(StatusCode::OK, &json!({})))
}

/// What the store calls an access token.
pub(crate) fn access_secret(token: &AccessToken) -> OAuthSecret {
    OAuthSecret::new(token.secret())
}
