//! `com.atproto.admin.updateAccountPassword`

use cairn_model::{AtIdentifier, Did};
use serde::Deserialize;

use crate::accounts::administration;
use crate::auth::{Admin, Moderator};
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAccountPassword {
    did: Did,
    password: String,
    #[serde(default)]
    revoke_app_passwords: bool,
}

/// Ends all sessions of the account. App passwords stay unless the operator says otherwise.
///
/// Interop: `revokeAppPasswords` is ours.
pub async fn update_account_password(
    cx: Cx<Admin>,
    Input(input): Input<UpdateAccountPassword>,
) -> Result<()> {
    let account = super::account(&cx.app, AtIdentifier::Did(input.did)).await?;
    let (password, app_passwords) = (&input.password, input.revoke_app_passwords);
    administration::set_password(&cx.app, &Moderator::Admin, &account, password, app_passwords)
        .await
}
