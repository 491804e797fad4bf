//! `com.atproto.server.createInviteCodes`

use cairn_model::Did;
use cairn_store::NewInviteCodes;
use serde::{Deserialize, Serialize};

use super::create_invite_code::{ADMIN, owner};
use crate::auth::Admin;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Json, Result};

/// Codes made at once, over all accounts.
const MAX_CODES: usize = 10_000;

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
    let count = usize::try_from(input.code_count).unwrap_or(usize::MAX);
    if count.saturating_mul(owners.len()) > MAX_CODES {
        return Err(XrpcError::invalid_request(format!("too many codes (at most {MAX_CODES})")));
    }
    let new = NewInviteCodes {
        hostname: cx.app.config.hostname.clone(),
        count: input.code_count,
        uses: input.use_count,
        for_accounts: owners,
        created_by: ADMIN.to_owned(),
    };
    let made = cx.app.store.create_invite_codes(new).await?;
    Ok(Json(Created {
        codes: made.into_iter().map(|(account, codes)| AccountCodes { account, codes }).collect(),
    }))
}
