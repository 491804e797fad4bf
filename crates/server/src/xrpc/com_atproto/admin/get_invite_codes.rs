//! `com.atproto.admin.getInviteCodes`

use cairn_store::{InviteCode, InviteOrder, InvitePlace};
use serde::{Deserialize, Serialize};

use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::com_atproto::server::get_account_invite_codes::InviteView;
use crate::xrpc::params::Limit;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct GetInviteCodes {
    sort: Option<String>,
    #[serde(default)]
    limit: Limit<1, 500, 100>,
    cursor: Option<String>,
}

#[derive(Serialize)]
pub struct Codes {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    codes: Vec<InviteView>,
}

/// All codes, newest or most used first.
pub async fn get_invite_codes(
    cx: Cx<Moderator>,
    Params(params): Params<GetInviteCodes>,
) -> Result<Json<Codes>> {
    let order = match params.sort.as_deref() {
        None | Some("recent") => InviteOrder::Recent,
        Some("usage") => InviteOrder::Usage,
        Some(other) => {
            return Err(XrpcError::invalid_request(format!("unknown sort method: {other}")));
        }
    };
    let after = params
        .cursor
        .as_deref()
        .map(|cursor| place(cursor).ok_or_else(|| XrpcError::invalid_request("Malformed cursor")));
    let found =
        cx.app.store.list_invite_codes(order, after.transpose()?, params.limit.as_u32()).await?;
    let is_full = found.len() == params.limit.get();
    let cursor = found.last().filter(|_| is_full).map(|last| cursor(last, order));
    Ok(Json(Codes { cursor, codes: found.into_iter().map(InviteView::from).collect() }))
}

/// `RANK::CODE`
pub(crate) fn place(cursor: &str) -> Option<InvitePlace> {
    let (rank, code) = cursor.split_once("::")?;
    Some(InvitePlace { rank: rank.parse().ok()?, code: code.to_owned() })
}

pub(crate) fn cursor(code: &InviteCode, order: InviteOrder) -> String {
    let InvitePlace { rank, code } = code.place(order);
    format!("{rank}::{code}")
}
