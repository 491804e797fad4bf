//! `com.atproto.server.resetPassword`

use serde::Deserialize;

use crate::accounts::password::{self, Reset};
use crate::accounts::{mailing, session};
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
    let reset = Reset {
        code: &input.token,
        password: &input.password,
        app_passwords: input.revoke_app_passwords,
    };
    let reset = password::reset(&cx.app, cx.text(), reset, session::client_of(&cx)).await?;
    reset.map_err(mailing::refused)
}
