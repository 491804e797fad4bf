//! `com.atproto.admin.getAccountInfos`

use cairn_model::Did;
use serde::{Deserialize, Serialize};

use super::get_account_info::{AccountView, view};
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

/// Accounts that are described at once.
const MAX_DIDS: usize = 100;

#[derive(Deserialize)]
pub struct GetAccountInfos {
    dids: Vec<Did>,
}

#[derive(Serialize)]
pub struct AccountInfos {
    infos: Vec<AccountView>,
}

/// Accounts that are not here are left out.
pub async fn get_account_infos(
    cx: Cx<Moderator>,
    Params(params): Params<GetAccountInfos>,
) -> Result<Json<AccountInfos>> {
    if params.dids.len() > MAX_DIDS {
        return Err(XrpcError::invalid_request(format!("too many dids (at most {MAX_DIDS})")));
    }
    let mut infos = Vec::with_capacity(params.dids.len());
    for did in &params.dids {
        if let Some(account) = cx.app.store.account(did).await? {
            infos.push(view(&cx.app, &account).await?);
        }
    }
    Ok(Json(AccountInfos { infos }))
}
