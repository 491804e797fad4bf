//! `com.atproto.server.requestEmailConfirmation`

use cairn_store::MailPurpose;

use crate::accounts::mailing;
use crate::auth::Session;
use crate::xrpc::{Cx, Result};

pub async fn request_email_confirmation(cx: Cx<Session>) -> Result<()> {
    mailing::send_token(&cx.app, cx.text(), &cx.caller.account, MailPurpose::ConfirmEmail).await
}
