//! Mail through a mail server (RFC 5321), with connections kept for the next message.
//!
//! A connection is given back only after a message went through on it whole: one that was given up in the middle of
//! an exchange would hand the answer to one message to the next.

mod conversation;
mod error;
mod probe;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};

use self::conversation::Conversation;
use super::{Mail, MailError, Mailer, Sender, SmtpServer};

pub use error::{Hint, Reason, SmtpError, Step};

/// Connections kept while nobody sends.
const MAX_IDLE: usize = 2;
/// Servers close idle connections after minutes; this is well before.
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);
/// One message from the first byte to the last answer. Whoever asked for it waits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends through a mail server.
pub struct SmtpMailer {
    server: SmtpServer,
    sender: Sender,
    idle: Mutex<Vec<(Conversation, Instant)>>,
}

impl SmtpMailer {
    pub fn new(server: SmtpServer, sender: Sender) -> Self {
        Self { server, sender, idle: Mutex::default() }
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.sender.message(mail)?;
        let exchange = async {
            let mut conversation = self.conversation().await?;
            conversation.send(message.envelope(), &message.formatted()).await?;
            Ok::<_, SmtpError>(conversation)
        };
        let late = |_| SmtpError::new(&self.server, Step::Message, Reason::NoAnswer);
        let conversation = timeout(TIMEOUT, exchange).await.map_err(late)??;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push((conversation, Instant::now()));
        }
        Ok(())
    }

    /// A connection on which a message can begin.
    async fn conversation(&self) -> Result<Conversation, SmtpError> {
        while let Some(mut conversation) = self.take_idle() {
            if conversation.is_alive().await {
                return Ok(conversation);
            }
        }
        conversation::dial(&self.server, &self.sender, &mut |_| {}).await
    }

    fn take_idle(&self) -> Option<Conversation> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < MAX_IDLE_TIME);
        idle.pop().map(|(conversation, _)| conversation)
    }
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async move { self.deliver(&mail).await })
    }

    fn probe<'a>(
        &'a self,
        mail: Mail,
        tell: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<(), MailError>> {
        let late = |_| SmtpError::new(&self.server, Step::Message, Reason::NoAnswer);
        Box::pin(async move {
            let asked = probe::probe(&self.server, &self.sender, &mail, tell);
            timeout(TIMEOUT, asked).await.map_err(late)?
        })
    }
}
