//! Sending one message under the operator's eyes.

use super::super::{Mail, MailError, Sender, SmtpServer};
use super::conversation;

/// Sends a message on a connection of its own; `tell` hears of each step that is done.
///
/// # Errors
/// Says which step failed and how.
pub(super) async fn probe(
    server: &SmtpServer,
    sender: &Sender,
    mail: &Mail,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<(), MailError> {
    let message = sender.message(mail)?;
    let envelope = message.envelope();
    let mut conversation = conversation::dial(server, sender, tell).await?;
    conversation.sender(envelope).await?;
    tell(&format!("sender {} accepted", sender.address()));
    for recipient in envelope.to() {
        conversation.recipient(recipient).await?;
        tell(&format!("recipient {recipient} accepted"));
    }
    let response = conversation.message(&message.formatted()).await?;
    let said: Vec<_> = response.message().collect();
    tell(&format!("message accepted: {}", said.join(" ")));
    conversation.quit().await;
    Ok(())
}
