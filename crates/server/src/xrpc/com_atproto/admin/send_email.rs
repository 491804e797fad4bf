//! `com.atproto.admin.sendEmail`

use cairn_model::{AtIdentifier, Did};
use serde::{Deserialize, Serialize};

use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::mail::{Mail, MailError};
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendEmail {
    recipient_did: Did,
    content: String,
    subject: Option<String>,
}

#[derive(Serialize)]
pub struct Sent {
    sent: bool,
}

pub async fn send_email(cx: Cx<Moderator>, Input(input): Input<SendEmail>) -> Result<Json<Sent>> {
    let account = super::account(&cx.app, AtIdentifier::Did(input.recipient_did)).await?;
    let to = account.email.clone();
    let to =
        to.ok_or_else(|| XrpcError::invalid_request("account does not have an email address"))?;
    let subject = input.subject.unwrap_or_else(|| "Message via your PDS".to_owned());
    let mail = Mail { to, subject, text: input.content, sent_at: cx.app.clock.now() };
    match cx.app.mailer.send(mail).await {
        Ok(()) => Ok(Json(Sent { sent: true })),
        Err(err @ MailError::NotConfigured) => {
            Err(XrpcError::invalid_request("This server cannot send mail").because(err))
        }
        Err(err @ MailError::Transport(_)) => {
            Err(XrpcError::upstream_failure("The mail could not be sent").because(err))
        }
    }
}
