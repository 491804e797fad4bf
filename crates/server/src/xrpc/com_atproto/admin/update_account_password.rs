//! `com.atproto.admin.updateAccountPassword`

use cairn_model::{AtIdentifier, Did};
use cairn_store::EndSessions;
use serde::Deserialize;

use crate::accounts::password;
use crate::auth::Admin;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct UpdateAccountPassword {
    did: Did,
    password: String,
}

/// Ends all sessions of the account.
pub async fn update_account_password(
    cx: Cx<Admin>,
    Input(input): Input<UpdateAccountPassword>,
) -> Result<()> {
    let account = super::account(&cx.app, AtIdentifier::Did(input.did)).await?;
    let hash = password::hash(&cx.app, &input.password).await?;
    cx.app.store.set_password_hash(account.id, hash, EndSessions::All).await?;
    Ok(())
}
