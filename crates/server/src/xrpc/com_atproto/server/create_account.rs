//! `com.atproto.server.createAccount`

use cairn_model::{Did, Handle};
use cairn_store::Applicant;
use serde::{Deserialize, Serialize};

use crate::accounts::create::{self, Outcome, Wanted};
use crate::accounts::{identity, session};
use crate::auth::Newcomer;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccount {
    handle: String,
    email: Option<String>,
    password: Option<String>,
    invite_code: Option<String>,
    did: Option<Did>,
    recovery_key: Option<String>,
    plc_op: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    access_jwt: String,
    refresh_jwt: String,
    handle: String,
    did: Did,
    #[serde(skip_serializing_if = "Option::is_none")]
    did_doc: Option<serde_json::Value>,
}

pub async fn create_account(
    cx: Cx<Newcomer>,
    Input(input): Input<CreateAccount>,
) -> Result<Json<Created>> {
    if input.plc_op.is_some() {
        return Err(XrpcError::invalid_request("Unsupported input: \"plcOp\""));
    }
    let wanted = Wanted {
        handle: input.handle,
        email: input.email,
        password: input.password,
        passkey: None,
        invite_code: input.invite_code,
        did: input.did,
        recovery_key: input.recovery_key,
    };
    let account = match create::create(&cx.app, &cx.caller, wanted).await? {
        Outcome::Account(account) => account,
        Outcome::Applicant(applicant) => return waiting(&cx, applicant).await,
    };
    let tokens = session::open(&cx.app, &account, None, session::client_of(&cx)).await?;
    Ok(Json(Created {
        access_jwt: tokens.access_jwt,
        refresh_jwt: tokens.refresh_jwt,
        handle: identity::shown_handle(&account),
        did_doc: identity::document_for_session(&cx.app, &account.did).await,
        did: account.did,
    }))
}

/// The account waits for approval. There is no DID document yet.
async fn waiting(cx: &Cx<Newcomer>, applicant: Applicant) -> Result<Json<Created>> {
    let tokens = session::open_waiting(&cx.app, &applicant, session::client_of(cx)).await?;
    let handle = applicant.handle.as_ref().map(Handle::to_string);
    Ok(Json(Created {
        access_jwt: tokens.access_jwt,
        refresh_jwt: tokens.refresh_jwt,
        handle: handle.unwrap_or_else(|| identity::INVALID_HANDLE.to_owned()),
        did_doc: None,
        did: applicant.did,
    }))
}
