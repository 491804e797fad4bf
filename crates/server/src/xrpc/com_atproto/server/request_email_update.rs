//! `com.atproto.server.requestEmailUpdate`

use cairn_store::MailPurpose;
use serde::Serialize;

use crate::accounts::mailing;
use crate::auth::Session;
use crate::xrpc::{Cx, Json, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requested {
    token_required: bool,
}

/// A confirmed address is changed only by whoever reads its mail; an unconfirmed one proves nothing.
pub async fn request_email_update(cx: Cx<Session>) -> Result<Json<Requested>> {
    let account = &cx.caller.account;
    let token_required = account.email_confirmed_at.is_some();
    if token_required {
        mailing::send_token(&cx.app, cx.text(), account, MailPurpose::UpdateEmail).await?;
    }
    Ok(Json(Requested { token_required }))
}
