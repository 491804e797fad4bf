//! `/oauth/par`: clients push their requests before they send anybody to the page. RFC 9126

use axum::body::Body;
use axum::response::Response;
use cairn_oauth::OAuthError;
use cairn_oauth::request::AuthorizationRequest;
use cairn_oauth::token::{REQUEST_LIFETIME, RequestUri};
use cairn_store::{NewOAuthRequest, PushRequestError};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use crate::app::App;
use crate::published_lexicons::Asker;

use super::endpoint::{Refusal, json_answer, proof};
use super::{body, client_auth, permission_sets};

pub(super) async fn par(app: &App, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    push(app, parts, body).await.map_err(Refusal::at_par)
}

async fn push(app: &App, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let params = body::params(&parts.headers, body).await?;
    let proof = proof(app, parts)?;
    let caller = client_auth::authenticate(app, &params, proof.as_ref()).await?;
    let mut request = AuthorizationRequest::from_params(&params, &caller.client)?;
    request.bind_dpop(proof.as_ref())?;
    // A request that could not be granted is refused before anybody is asked.
    permission_sets::find(app, &request.scope, Asker::Stranger).await?;

    let uri = RequestUri::generate();
    let new = NewOAuthRequest {
        id_hash: uri.hash(),
        client_id: request.client_id.as_str().to_owned(),
        client_auth: caller.auth_json()?,
        parameters: serde_json::to_string(&request).map_err(OAuthError::server_error)?,
        code_challenge: request.code_challenge.as_str().to_owned(),
        lifetime: REQUEST_LIFETIME,
    };
    app.store.push_oauth_request(new).await.map_err(|err| match err {
        PushRequestError::ChallengeUsed => {
            OAuthError::invalid_request("the code_challenge was used before").into()
        }
        PushRequestError::Store(err) => Refusal::from(err),
    })?;
    let body = json!({ "request_uri": uri.as_str(), "expires_in": REQUEST_LIFETIME.as_secs() });
    Ok(json_answer(StatusCode::CREATED, &body))
}
