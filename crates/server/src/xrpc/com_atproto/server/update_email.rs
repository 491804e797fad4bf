//! `com.atproto.server.updateEmail`

use cairn_store::MailPurpose;
use serde::Deserialize;

use crate::accounts::{email, mailing};
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct UpdateEmail {
    email: String,
    token: Option<String>,
}

pub async fn update_email(cx: Cx<Session>, Input(input): Input<UpdateEmail>) -> Result<()> {
    let account = &cx.caller.account;
    let new = email::parse(&input.email)?;
    if account.email_confirmed_at.is_some() {
        let token = input
            .token
            .ok_or_else(|| XrpcError::named("TokenRequired", "Confirmation token required"))?;
        let used = cx.app.store.use_mail_token(account.id, MailPurpose::UpdateEmail, &token).await;
        used.map_err(mailing::refused)?;
    }
    cx.app.store.set_email(account.id, Some(new)).await?;
    Ok(())
}
