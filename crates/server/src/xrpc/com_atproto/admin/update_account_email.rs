//! `com.atproto.admin.updateAccountEmail`

use cairn_model::AtIdentifier;
use serde::Deserialize;

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
    Ok(administration::change_email(&cx.app, &Moderator::Admin, &account, new).await?)
}
