//! `com.atproto.admin.updateAccountEmail`

use cairn_model::AtIdentifier;
use serde::Deserialize;
use serde_json::json;

use crate::accounts::{administration, email};
use crate::auth::{Admin, Moderator};
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct UpdateAccountEmail {
    account: AtIdentifier,
    email: String,
}

pub async fn update_account_email(
    cx: Cx<Admin>,
    Input(input): Input<UpdateAccountEmail>,
) -> Result<()> {
    let account = super::account(&cx.app, input.account).await?;
    let new = email::parse(&input.email)?;
    cx.app.store.set_email(account.id, Some(new)).await?;
    let did = account.did.as_str();
    administration::record(&cx.app, &Moderator::Admin, "update_email", did, json!({})).await;
    Ok(())
}
