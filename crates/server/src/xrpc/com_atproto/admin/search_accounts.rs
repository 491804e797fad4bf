//! `com.atproto.admin.searchAccounts`

use cairn_store::{AccountId, AccountQuery};
use serde::{Deserialize, Serialize};

use super::get_account_info::{AccountView, view};
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::params::Limit;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct SearchAccounts {
    email: Option<String>,
    cursor: Option<String>,
    #[serde(default)]
    limit: Limit<1, 100, 50>,
}

#[derive(Serialize)]
pub struct Found {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    accounts: Vec<AccountView>,
}

/// Accounts in the order of their creation, active or not: all of them, or those that `email` leads to.
///
/// Interop: the lexicon says «matches your search query» and has `email` only. Here it is the beginning of the e-mail
/// address, of the handle or of the DID, whatever the moderator has at hand.
pub async fn search_accounts(
    cx: Cx<Moderator>,
    Params(params): Params<SearchAccounts>,
) -> Result<Json<Found>> {
    let after = params.cursor.map(|cursor| cursor.parse().map(AccountId::new)).transpose();
    let after = after.map_err(|_| XrpcError::invalid_request("Malformed cursor"))?;
    let query = AccountQuery {
        beginning: AccountQuery::beginning_of(&params.email.unwrap_or_default()),
        after,
        limit: params.limit.as_u32(),
        ..AccountQuery::default()
    };
    let found = cx.app.store.find_accounts(query).await?;
    let is_full = found.len() == params.limit.get();
    let cursor = found.last().filter(|_| is_full).map(|last| last.account.id.get().to_string());
    let mut accounts = Vec::with_capacity(found.len());
    for listed in &found {
        accounts.push(view(&cx.app, &listed.account).await?);
    }
    Ok(Json(Found { cursor, accounts }))
}
