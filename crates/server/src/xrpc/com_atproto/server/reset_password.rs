//! `com.atproto.server.resetPassword`

use serde::Deserialize;

use crate::accounts::{mailing, password};
use crate::auth::Anyone;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResetPassword {
    token: String,
    password: String,
    #[serde(default)]
    revoke_app_passwords: bool,
}

/// Ends all sessions of the account that the token was mailed to. App passwords stay unless the caller says otherwise.
///
/// Interop: `revokeAppPasswords` is ours.
pub async fn reset_password(cx: Cx<Anyone>, Input(input): Input<ResetPassword>) -> Result<()> {
    let end = password::ending(input.revoke_app_passwords);
    let hash = password::hash(&cx.app, &input.password).await?;
    cx.app.store.reset_password(&input.token, hash, end).await.map_err(mailing::refused)?;
    Ok(())
}
