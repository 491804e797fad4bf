//! What an account takes of the disk and may take, for the operator.
//!
//! The protocol has no methods for it, so these are routes of Cairn's own, with the admin password:
//! `GET /admin/api/accounts/DID/usage` and `POST /admin/api/accounts/DID/quotas`.

use axum::response::Response;
use cairn_model::Did;
use cairn_store::{Account, Held, Quotas, Usage};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::accounts::administration;
use crate::app::App;
use crate::auth::Moderator;
use crate::error::XrpcError;

use super::{Call, Route, Who, get, json, post};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/admin/api/accounts/{did}/usage", Who::Admin, usage),
        post("/admin/api/accounts/{did}/quotas", Who::Admin, set_quotas),
    ]
}

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

async fn usage(call: Call) -> Result<Response, XrpcError> {
    view(&call.app, &did_of(&call)?).await
}

/// Sets both quotas and answers as `usage` does.
async fn set_quotas(mut call: Call) -> Result<Response, XrpcError> {
    let did = did_of(&call)?;
    let QuotasView { blob_bytes, repo_bytes } = call.json().await?;
    let quotas = Quotas { blob_bytes, repo_bytes };
    administration::set_quotas(&call.app, &Moderator::Admin, &did, quotas).await?;
    view(&call.app, &did).await
}

fn did_of(call: &Call) -> Result<Did, XrpcError> {
    Did::parse(call.param("did")).map_err(|_| XrpcError::invalid_request("the path names no DID"))
}

async fn view(app: &App, did: &Did) -> Result<Response, XrpcError> {
    let account = app.store.account(did).await?;
    let account = account
        .ok_or_else(|| XrpcError::new(StatusCode::NOT_FOUND, "NotFound", "Account not found"))?;
    let usage = app.store.usage(account.id).await?;
    Ok(json(&View::new(&account, &usage, app.store.default_quotas())))
}
