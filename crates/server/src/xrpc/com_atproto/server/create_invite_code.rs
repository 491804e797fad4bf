//! `com.atproto.server.createInviteCode`

use cairn_model::Did;
use cairn_store::NewInviteCodes;
use serde::{Deserialize, Serialize};

use crate::auth::Admin;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInviteCode {
    use_count: u32,
    for_account: Option<Did>,
}

#[derive(Serialize)]
pub struct Created {
    code: String,
}

pub async fn create_invite_code(
    cx: Cx<Admin>,
    Input(input): Input<CreateInviteCode>,
) -> Result<Json<Created>> {
    let new = NewInviteCodes {
        hostname: cx.app.config.hostname.clone(),
        count: 1,
        uses: input.use_count,
        for_accounts: vec![owner(input.for_account.as_ref())],
        created_by: ADMIN.to_owned(),
    };
    let made = cx.app.store.create_invite_codes(new).await?;
    let code = made.into_iter().flat_map(|(_, codes)| codes).next();
    let code = code.ok_or_else(|| XrpcError::internal("no invite code was made"))?;
    Ok(Json(Created { code }))
}

/// The maker, and the owner of codes that are made for nobody in particular.
pub(super) const ADMIN: &str = "admin";

pub(super) fn owner(account: Option<&Did>) -> String {
    account.map_or(ADMIN, Did::as_str).to_owned()
}
