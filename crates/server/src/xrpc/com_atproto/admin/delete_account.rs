//! `com.atproto.admin.deleteAccount`

use cairn_model::{AtIdentifier, Did};
use serde::Deserialize;

use crate::accounts::administration;
use crate::auth::{Admin, Moderator};
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct DeleteAccount {
    did: Did,
}

pub async fn delete_account(cx: Cx<Admin>, Input(input): Input<DeleteAccount>) -> Result<()> {
    let account = super::account(&cx.app, AtIdentifier::Did(input.did)).await?;
    administration::delete(&cx.app, &Moderator::Admin, &account).await
}
