//! `com.atproto.server.getAccountInviteCodes`

use cairn_identity::plc::timestamp;
use cairn_store::InviteCode;
use serde::{Deserialize, Serialize};

use crate::auth::Session;
use crate::config::SignUp;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAccountInviteCodes {
    #[serde(default = "yes")]
    include_used: bool,
    #[serde(default = "yes")]
    create_available: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize)]
pub struct Codes {
    codes: Vec<InviteView>,
}

/// `com.atproto.server.defs#inviteCode`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteView {
    code: String,
    available: u32,
    disabled: bool,
    for_account: String,
    created_by: String,
    created_at: String,
    uses: Vec<InviteUseView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InviteUseView {
    used_by: String,
    used_at: String,
}

impl From<InviteCode> for InviteView {
    fn from(code: InviteCode) -> Self {
        let uses = code.uses.into_iter();
        Self {
            code: code.code,
            available: code.available_uses,
            disabled: code.disabled,
            for_account: code.for_account,
            created_by: code.created_by,
            created_at: timestamp::format(code.created_at),
            uses: uses
                .map(|one| InviteUseView {
                    used_by: one.used_by,
                    used_at: timestamp::format(one.used_at),
                })
                .collect(),
        }
    }
}

/// The codes of the caller that are not disabled. What the account has earned by then is made first if
/// `createAvailable`, on servers that ask for codes.
pub async fn get_account_invite_codes(
    cx: Cx<Session>,
    Params(params): Params<GetAccountInviteCodes>,
) -> Result<Json<Codes>> {
    let config = &cx.app.config;
    if params.create_available
        && config.sign_up == SignUp::Invite
        && let Some(interval) = config.invite_interval
    {
        let account = cx.caller.account.id;
        cx.app.store.earn_invite_codes(account, &config.hostname, interval).await?;
    }
    let all = cx.app.store.invite_codes_of(cx.caller.did().as_str()).await?;
    let is_used = |code: &InviteCode| {
        u32::try_from(code.uses.len()).is_ok_and(|uses| uses >= code.available_uses)
    };
    let codes = all
        .into_iter()
        .filter(|code| !code.disabled)
        .filter(|code| params.include_used || !is_used(code))
        .map(InviteView::from)
        .collect();
    Ok(Json(Codes { codes }))
}
