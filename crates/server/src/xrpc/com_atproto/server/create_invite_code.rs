//! `com.atproto.server.createInviteCode`

use cairn_model::Did;
use serde::{Deserialize, Serialize};

use crate::accounts::administration::{self, OPERATOR};
use crate::auth::{Admin, Moderator};
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
    let owners = vec![owner(input.for_account.as_ref())];
    let made = administration::make_invites(&cx.app, &Moderator::Admin, 1, input.use_count, owners)
        .await?;
    let code = made.into_iter().flat_map(|(_, codes)| codes).next();
    let code = code.ok_or_else(|| XrpcError::internal("no invite code was made"))?;
    Ok(Json(Created { code }))
}

pub(super) fn owner(account: Option<&Did>) -> String {
    account.map_or(OPERATOR, Did::as_str).to_owned()
}
