//! `com.atproto.server.createInviteCodes`

use cairn_model::Did;
use serde::{Deserialize, Serialize};

use super::create_invite_code::owner;
use crate::accounts::administration;
use crate::auth::{Admin, Moderator};
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInviteCodes {
    #[serde(default = "one")]
    code_count: u32,
    use_count: u32,
    #[serde(default)]
    for_accounts: Vec<Did>,
}

fn one() -> u32 {
    1
}

#[derive(Serialize)]
pub struct Created {
    codes: Vec<AccountCodes>,
}

#[derive(Serialize)]
struct AccountCodes {
    account: String,
    codes: Vec<String>,
}

pub async fn create_invite_codes(
    cx: Cx<Admin>,
    Input(input): Input<CreateInviteCodes>,
) -> Result<Json<Created>> {
    let mut owners: Vec<String> = input.for_accounts.iter().map(|did| owner(Some(did))).collect();
    if owners.is_empty() {
        owners.push(owner(None));
    }
    let (count, uses) = (input.code_count, input.use_count);
    let made =
        administration::make_invites(&cx.app, &Moderator::Admin, count, uses, owners).await?;
    Ok(Json(Created {
        codes: made.into_iter().map(|(account, codes)| AccountCodes { account, codes }).collect(),
    }))
}
