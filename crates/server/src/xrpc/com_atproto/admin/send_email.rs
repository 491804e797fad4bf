//! `com.atproto.admin.sendEmail`

use cairn_model::{AtIdentifier, Did};
use serde::{Deserialize, Serialize};

use crate::accounts::acts::Action;
use crate::accounts::{administration, mailing};
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::mail::{Mail, plain};
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

/// The content is HTML. It is the moderators' own, so it is sent as it is, beside a plain form of it.
pub async fn send_email(cx: Cx<Moderator>, Input(input): Input<SendEmail>) -> Result<Json<Sent>> {
    let account = super::account(&cx.app, AtIdentifier::Did(input.recipient_did)).await?;
    let to = account.email.clone();
    let to =
        to.ok_or_else(|| XrpcError::invalid_request("account does not have an email address"))?;
    let subject = input.subject.unwrap_or_else(|| "Message via your PDS".to_owned());
    let text = plain(&input.content);
    let mail = Mail::new(to, subject, text, cx.app.clock.now()).with_html(input.content);
    cx.app.moderation_mailer.send(mail).await.map_err(mailing::not_sent)?;
    administration::record(&cx.app, &cx.caller, Action::SendEmail, account.did.as_str(), []).await;
    Ok(Json(Sent { sent: true }))
}
