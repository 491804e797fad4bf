//! Who waits for an account, and the operator's answers, with the admin password:
//!
//! - GET `/admin/sign-ups` lists them, longest first (`limit`, `cursor`);
//! - POST `/admin/sign-ups/approve` and `/admin/sign-ups/reject` with `{"did": …}`.
//!
//! The answers take JSON, which pages of other origins cannot send in the name of a browser that remembers the password.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cairn_identity::plc::timestamp;
use cairn_model::{Did, Handle};
use cairn_store::{AccountId, Applicant};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::accounts::approval;
use crate::app::App;
use crate::auth::check_admin;
use crate::error::XrpcError;
use crate::xrpc::endpoint::JSON_LIMIT;
use crate::xrpc::reply::json_body;
use crate::xrpc::{Limit, body, input, params};

use super::{admin, not_found, typed};

pub(super) const PATH: &str = "/admin/sign-ups";

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    limit: Limit<1, 500, 100>,
    cursor: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignUps {
    sign_ups: Vec<SignUp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignUp {
    did: Did,
    handle: Option<Handle>,
    email: Option<String>,
    asked_at: String,
    /// Whether the DID lives elsewhere so far.
    moves_in: bool,
}

#[derive(Deserialize)]
struct Answered {
    did: Did,
}

#[derive(Serialize)]
struct Approved {
    did: Did,
    handle: Option<Handle>,
}

impl From<Applicant> for SignUp {
    fn from(applicant: Applicant) -> Self {
        Self {
            did: applicant.did,
            handle: applicant.handle,
            email: applicant.email,
            asked_at: timestamp::format(applicant.asked_at),
            moves_in: !applicant.activates,
        }
    }
}

/// Answers what lies under [`PATH`].
pub(super) async fn answer(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(err) = check_admin(app, &parts.headers, client_ip) {
        return admin::refused(err);
    }
    let is_read = parts.method == Method::GET || parts.method == Method::HEAD;
    let answer = match parts.uri.path().strip_prefix(PATH) {
        Some("") if is_read => list(app, &parts).await,
        Some("/approve") if parts.method == Method::POST => approve(app, &parts, body).await,
        Some("/reject") if parts.method == Method::POST => reject(app, &parts, body).await,
        Some("" | "/approve" | "/reject") => return not_found(StatusCode::METHOD_NOT_ALLOWED),
        _ => return not_found(StatusCode::NOT_FOUND),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn list(app: &App, parts: &Parts) -> Result<Response, XrpcError> {
    let page: Page = params::parse(parts.uri.query().unwrap_or_default())
        .map_err(|err| XrpcError::invalid_request(err.to_string()))?;
    let cursor = page.cursor.map(AccountId::new);
    let found = app.store.applicants(cursor, page.limit.as_u32()).await?;
    let cursor = found.last().map(|last| last.id.get().to_string());
    Ok(json(&SignUps { sign_ups: found.into_iter().map(SignUp::from).collect(), cursor }))
}

async fn approve(app: &App, parts: &Parts, body: Body) -> Result<Response, XrpcError> {
    let did = answered(parts, body).await?;
    let account = approval::approve(app, &did).await?;
    Ok(json(&Approved { did, handle: account.handle }))
}

async fn reject(app: &App, parts: &Parts, body: Body) -> Result<Response, XrpcError> {
    let did = answered(parts, body).await?;
    approval::reject(app, &did).await?;
    Ok(StatusCode::OK.into_response())
}

async fn answered(parts: &Parts, body: Body) -> Result<Did, XrpcError> {
    let bytes = body::read_json(&parts.headers, body, JSON_LIMIT).await?;
    let answered: Answered = input::parse(&bytes)?;
    Ok(answered.did)
}

fn json(answer: &impl Serialize) -> Response {
    let mut response = typed("application/json", json_body(answer));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
