//! What an account takes of the disk and may take, for the operator.
//!
//! The protocol has no methods for it, so these are routes of Cairn's own, with the admin password:
//! `GET /admin/accounts/DID/usage` and `POST /admin/accounts/DID/quotas`.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cairn_model::Did;
use cairn_store::{Account, Held, Quotas, Usage};
use http::{HeaderValue, Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::accounts::administration;
use crate::app::App;
use crate::auth::{Moderator, check_admin};
use crate::error::XrpcError;
use crate::xrpc::endpoint::JSON_LIMIT;
use crate::xrpc::reply::json_body;
use crate::xrpc::{body, input};

use super::{not_found, typed};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    did: Did,
    record_bytes: u64,
    node_bytes: u64,
    repo_bytes: u64,
    blob_bytes: u64,
    blobs: HeldView,
    temporary_blobs: HeldView,
    unreferenced_blobs: HeldView,
    /// Null where there is no bound.
    quotas: QuotasView,
    /// Null where the server's default holds.
    own_quotas: QuotasView,
}

#[derive(Serialize)]
struct HeldView {
    count: u64,
    bytes: u64,
}

/// In an input, 0 is no bound, and null the server's default.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QuotasView {
    blob_bytes: Option<u64>,
    repo_bytes: Option<u64>,
}

impl From<Held> for HeldView {
    fn from(held: Held) -> Self {
        Self { count: held.count, bytes: held.bytes }
    }
}

impl From<Quotas> for QuotasView {
    fn from(quotas: Quotas) -> Self {
        Self { blob_bytes: quotas.blob_bytes, repo_bytes: quotas.repo_bytes }
    }
}

impl View {
    fn new(account: &Account, usage: &Usage, defaults: Quotas) -> Self {
        Self {
            did: account.did.clone(),
            record_bytes: usage.record_bytes,
            node_bytes: usage.node_bytes,
            repo_bytes: usage.repo_bytes(),
            blob_bytes: usage.blob_bytes(),
            blobs: usage.blobs.into(),
            temporary_blobs: usage.temporary_blobs.into(),
            unreferenced_blobs: usage.unreferenced_blobs.into(),
            quotas: account.quotas.or(defaults).into(),
            own_quotas: account.quotas.into(),
        }
    }
}

/// Whether a path is one of these two; others below `/admin/accounts/` may be pages.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with("/admin/accounts/") && (path.ends_with("/usage") || path.ends_with("/quotas"))
}

/// Answers what [`owns`] says.
pub(super) async fn answer(app: &App, request: Request<Body>, client_ip: IpAddr) -> Response {
    if let Err(err) = check_admin(app, request.headers(), client_ip) {
        return err.into_response();
    }
    let path = request.uri().path().strip_prefix("/admin/accounts/").unwrap_or_default();
    let Some((did, part)) = path.split_once('/') else { return not_found(StatusCode::NOT_FOUND) };
    let Ok(did) = Did::parse(did) else {
        return XrpcError::invalid_request("the path names no DID").into_response();
    };
    let answered = match (part, request.method()) {
        ("usage", &(Method::GET | Method::HEAD)) => usage(app, &did).await,
        ("quotas", &Method::POST) => set_quotas(app, &did, request).await,
        ("usage" | "quotas", _) => return not_found(StatusCode::METHOD_NOT_ALLOWED),
        _ => return not_found(StatusCode::NOT_FOUND),
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

async fn usage(app: &App, did: &Did) -> Result<Response, XrpcError> {
    let account = app.store.account(did).await?;
    let account = account
        .ok_or_else(|| XrpcError::new(StatusCode::NOT_FOUND, "NotFound", "Account not found"))?;
    let usage = app.store.usage(account.id).await?;
    let view = View::new(&account, &usage, app.store.default_quotas());
    let mut response = typed("application/json", json_body(&view));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Sets both quotas and answers as `usage` does.
async fn set_quotas(app: &App, did: &Did, request: Request<Body>) -> Result<Response, XrpcError> {
    let (parts, body) = request.into_parts();
    let bytes = body::read_json(&parts.headers, body, JSON_LIMIT).await?;
    let QuotasView { blob_bytes, repo_bytes } = input::parse(&bytes)?;
    let quotas = Quotas { blob_bytes, repo_bytes };
    administration::set_quotas(app, &Moderator::Admin, did, quotas).await?;
    usage(app, did).await
}
