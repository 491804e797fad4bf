//! `com.atproto.server.confirmEmail`

use cairn_store::MailPurpose;
use serde::Deserialize;

use crate::accounts::mailing;
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct ConfirmEmail {
    email: String,
    token: String,
}

pub async fn confirm_email(cx: Cx<Session>, Input(input): Input<ConfirmEmail>) -> Result<()> {
    let account = &cx.caller.account;
    let is_present = account
        .email
        .as_deref()
        .is_some_and(|email| email.eq_ignore_ascii_case(input.email.trim()));
    if !is_present {
        return Err(XrpcError::named("InvalidEmail", "Invalid email"));
    }
    let store = &cx.app.store;
    store
        .use_mail_token(account.id, MailPurpose::ConfirmEmail, &input.token)
        .await
        .map_err(mailing::refused)?;
    store.confirm_email(account.id).await?;
    Ok(())
}
