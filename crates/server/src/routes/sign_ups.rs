//! Who waits for an account, and the operator's answers, with the admin password:
//!
//! - GET `/admin/api/sign-ups` lists them, longest first (`limit`, `cursor`);
//! - POST `/admin/api/sign-ups/approve` and `/admin/api/sign-ups/reject` with `{"did": …}`.

use axum::response::Response;
use cairn_identity::plc::timestamp;
use cairn_model::{Did, Handle};
use cairn_store::{AccountId, Applicant};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::accounts::approval;
use crate::error::XrpcError;
use crate::xrpc::Limit;

use super::{Call, Route, Who, get, json, post};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/admin/api/sign-ups", Who::Admin, list),
        post("/admin/api/sign-ups/approve", Who::Admin, approve),
        post("/admin/api/sign-ups/reject", Who::Admin, reject),
    ]
}

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

async fn list(call: Call) -> Result<Response, XrpcError> {
    let page: Page = call.query()?;
    let cursor = page.cursor.map(AccountId::new);
    let found = call.app.store.applicants(cursor, page.limit.as_u32()).await?;
    let cursor = found.last().map(|last| last.id.get().to_string());
    Ok(json(&SignUps { sign_ups: found.into_iter().map(SignUp::from).collect(), cursor }))
}

async fn approve(mut call: Call) -> Result<Response, XrpcError> {
    let Answered { did } = call.json().await?;
    let account = approval::approve(&call.app, &did).await?;
    Ok(json(&Approved { did, handle: account.handle.clone() }))
}

async fn reject(mut call: Call) -> Result<StatusCode, XrpcError> {
    let Answered { did } = call.json().await?;
    approval::reject(&call.app, &did).await?;
    Ok(StatusCode::OK)
}
