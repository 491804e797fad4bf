//! Mail as a parameter: the server says what to send, a [`Mailer`] says how.
//!
//! [`letters`] words what is sent, [`smtp`] and [`sendmail`] carry it, [`Outbox`] keeps what could not be carried for
//! the operator, and [`Mailbox`] is where mail goes in development and tests.

pub(crate) mod letters;
mod message;
mod outbox;
mod posting;
mod route;
mod sendmail;
pub mod smtp;
mod text;
mod words;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::i18n::Text;

pub use message::{MessageError, Sender};
pub use outbox::{Outbox, Waiting};
pub(crate) use posting::post;
pub use route::{Route, RouteError, Security, SmtpServer};
pub use sendmail::{Sendmail, SendmailError};
pub use smtp::{SmtpError, SmtpMailer};
pub(crate) use text::plain;

/// One message to one person.
#[derive(Clone)]
pub struct Mail {
    /// Random, so that a message can be told from any other.
    pub id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    /// The same for readers of mail who like it in colour.
    pub html: Option<String>,
    pub sent_at: Timestamp,
}

impl Mail {
    /// A message in plain text.
    pub fn new(
        to: impl Into<String>,
        subject: impl Into<String>,
        text: impl Into<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: data_encoding::HEXLOWER.encode(&cairn_identity::random_bytes::<16>()),
            to: to.into(),
            subject: subject.into(),
            text: text.into(),
            html: None,
            sent_at: now,
        }
    }

    /// The same message with an HTML form.
    #[must_use]
    pub fn with_html(self, html: impl Into<String>) -> Self {
        Self { html: Some(html.into()), ..self }
    }
}

/// Without the text, which holds codes that open accounts.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("id", &self.id)
            .field("subject", &self.subject)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

/// Why a message was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("{}", Text::default().mail_trouble_not_configured())]
    NotConfigured,
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Smtp(#[from] SmtpError),
    #[error(transparent)]
    Sendmail(#[from] SendmailError),
}

/// Delivers mail.
pub trait Mailer: Send + Sync {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>>;

    /// Sends one message under the operator's eyes: `tell` hears of each step, where there are steps to tell.
    fn probe<'a>(
        &'a self,
        mail: Mail,
        _tell: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<(), MailError>> {
        self.send(mail)
    }

    /// Whether mail can be sent at all; if not, it all waits for the operator.
    fn is_configured(&self) -> bool {
        true
    }

    /// Messages that can be read in the browser, newest first; empty where mail really leaves the machine.
    fn delivered(&self) -> Vec<Mail> {
        Vec::new()
    }
}

/// The mailer for a way out.
pub fn mailer(route: Route, sender: Sender) -> Arc<dyn Mailer> {
    match route {
        Route::Smtp(server) => Arc::new(SmtpMailer::new(server, sender)),
        Route::Sendmail(program) => Arc::new(Sendmail::new(program, sender)),
    }
}

/// For servers without a way out: every message is refused, and so waits in the [`Outbox`].
pub struct NoMailer;

impl Mailer for NoMailer {
    fn send(&self, _mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async { Err(MailError::NotConfigured) })
    }

    fn is_configured(&self) -> bool {
        false
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
