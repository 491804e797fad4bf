//! `com.atproto.server.requestPasswordReset`

use cairn_store::{AccountRef, MailPurpose};
use serde::Deserialize;

use crate::accounts::mailing;
use crate::auth::Anyone;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct RequestPasswordReset {
    email: String,
}

/// Interop: the reference implementation answers 400 for an address without an account. Here the answer, and the time
/// that it takes, is the same: the mail goes out afterwards.
pub async fn request_password_reset(
    cx: Cx<Anyone>,
    Input(input): Input<RequestPasswordReset>,
) -> Result<()> {
    let email = input.email.trim().to_lowercase();
    let Some(account) = cx.app.store.account(AccountRef::Email(email)).await? else {
        return Ok(());
    };
    let app = cx.app.clone();
    cx.app.tasks.spawn(async move {
        if let Err(error) = mailing::send_token(&app, &account, MailPurpose::ResetPassword).await {
            tracing::warn!(did = %account.did, %error, "the password reset mail was not sent");
        }
    });
    Ok(())
}
