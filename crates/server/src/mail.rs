//! Mail as a parameter: the server says what to send, a [`Mailer`] says how.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// One message to one person.
#[derive(Clone)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub sent_at: Timestamp,
}

/// Without the text, which holds codes that open accounts.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("subject", &self.subject)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

/// Why a message was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("no way to send mail is configured")]
    NotConfigured,
    #[error("the mail server did not take the message")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Delivers mail.
pub trait Mailer: Send + Sync {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>>;

    /// Messages that can be read in the browser, newest first; empty where mail really leaves the machine.
    fn delivered(&self) -> Vec<Mail> {
        Vec::new()
    }
}

/// For servers without a mail transport: every message is refused.
pub struct NoMailer;

impl Mailer for NoMailer {
    fn send(&self, _mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async { Err(MailError::NotConfigured) })
    }
}

/// Keeps the last messages in memory, for development and tests.
#[derive(Default)]
pub struct Mailbox(Mutex<VecDeque<Mail>>);

/// A mailbox forgets its oldest message beyond this many.
const MAILBOX_MESSAGES: usize = 100;

impl Mailer for Mailbox {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push_front(mail);
        messages.truncate(MAILBOX_MESSAGES);
        Box::pin(async { Ok(()) })
    }

    fn delivered(&self) -> Vec<Mail> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
