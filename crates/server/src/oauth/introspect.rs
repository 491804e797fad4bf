//! `/oauth/introspect`: what an access token stands for. RFC 7662
//!
//! Clients learn about their own tokens: confidential ones prove themselves, others prove that they hold the token's key.
//! The operator learns about any.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::Response;
use cairn_oauth::dpop::Proof;
use cairn_oauth::token::AccessToken;
use cairn_store::OAuthAccess;
use http::StatusCode;
use http::header;
use http::request::Parts;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::check_admin;

use super::body;
use super::client_auth::{self, Caller};
use super::endpoint::{Refusal, json_answer, proof};
use super::revoke::access_secret;

enum Asker {
    Operator,
    Client(Caller, Option<Proof>),
}

pub(super) async fn introspect(
    app: &App,
    parts: &Parts,
    body: Body,
    client_ip: IpAddr,
) -> Result<Response, Refusal> {
    let params = body::params(&parts.headers, body).await?;
    let token = params.require("token")?.to_owned();
    let asker = if parts.headers.contains_key(header::AUTHORIZATION) {
        check_admin(app, &parts.headers, client_ip)?;
        Asker::Operator
    } else {
        let proof = proof(app, parts)?;
        let caller = client_auth::authenticate(app, &params, proof.as_ref()).await?;
        Asker::Client(caller, proof)
    };
    let answer = active(app, &token, &asker).await?;
    // Nobody learns whether a token of somebody else's exists.
    let answer = answer.unwrap_or_else(|| json!({ "active": false }));
    Ok(json_answer(StatusCode::OK, &answer))
}

async fn active(app: &App, token: &str, asker: &Asker) -> Result<Option<Value>, Refusal> {
    let Ok(token) = AccessToken::parse(token) else { return Ok(None) };
    let Some(access) = app.store.oauth_access(&access_secret(&token)).await? else {
        return Ok(None);
    };
    if !may_see(asker, &access) {
        return Ok(None);
    }
    let Some(account) = app.store.account(access.account).await? else { return Ok(None) };
    Ok(Some(json!({
        "active": true,
        "iss": app.config.public_url,
        "aud": app.config.public_url,
        "sub": account.did.as_str(),
        "client_id": access.client_id,
        "scope": access.granted,
        "token_type": "DPoP",
        "iat": access.issued_at.as_second(),
        "exp": access.expires_at.as_second(),
        "cnf": { "jkt": access.jkt },
    })))
}

fn may_see(asker: &Asker, access: &OAuthAccess) -> bool {
    match asker {
        Asker::Operator => true,
        Asker::Client(caller, proof) => {
            let holds_key = proof.as_ref().is_some_and(|proof| proof.jkt == access.jkt);
            caller.client.id().as_str() == access.client_id
                && (caller.client.is_confidential() || holds_key)
        }
    }
}
