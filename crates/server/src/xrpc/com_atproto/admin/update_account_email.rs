//! `com.atproto.admin.updateAccountEmail`

use cairn_model::AtIdentifier;
use serde::Deserialize;

use crate::accounts::email;
use crate::auth::Admin;
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
    Ok(())
}
