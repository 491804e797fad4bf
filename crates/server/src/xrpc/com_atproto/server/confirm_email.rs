//! `com.atproto.server.confirmEmail`

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
    let confirmed = cx.app.store.confirm_email_by_token(account.id, &input.token).await;
    confirmed.map_err(mailing::refused)
}
