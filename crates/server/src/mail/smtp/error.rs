//! What went wrong between us and a mail server, in words that an operator can act on.

use std::error::Error;
use std::fmt;

use lettre::transport::smtp;

use super::super::{Security, SmtpServer};
use crate::i18n::Text;

/// Longer answers are cut.
const MAX_SAID_CHARS: usize = 500;

/// A mail server that did not take a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpError {
    /// `HOST:PORT`.
    pub server: String,
    pub step: Step,
    pub reason: Reason,
    /// What the operator may want to try.
    pub hint: Option<Hint>,
}

/// The parts of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Connect,
    StartTls,
    SignIn,
    Sender,
    Recipient,
    Message,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The server said no, in its own words.
    Refused {
        code: u16,
        said: String,
    },
    /// Nothing came in time.
    NoAnswer,
    Tls(String),
    Connection(String),
    /// The server does not offer what is needed, or says what cannot be understood.
    Protocol(String),
}

/// What often is behind it, and what to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The port expects STARTTLS.
    NoTlsAtFirst,
    Certificate,
    /// The port expects TLS from the first byte.
    TlsAtFirst,
    Port25,
    Address,
    NoStartTls,
    Password,
    /// The sender is not this account's.
    From,
}

impl SmtpError {
    pub(super) fn new(server: &SmtpServer, step: Step, reason: Reason) -> Self {
        let hint = hint(server, step, &reason);
        Self { server: server.name(), step, reason, hint }
    }

    /// The error with the server's words free of our password, should it repeat it.
    pub(super) fn of(server: &SmtpServer, step: Step, err: &smtp::Error) -> Self {
        Self::new(server, step, reason(server, err))
    }
}

fn reason(server: &SmtpServer, err: &smtp::Error) -> Reason {
    let said = || {
        let said = err.source().map_or_else(|| err.to_string(), causes);
        redacted(server, &said)
    };
    match err.status() {
        Some(code) => Reason::Refused { code: u16::from(code), said: said() },
        None if err.is_timeout() => Reason::NoAnswer,
        None if err.is_tls() => Reason::Tls(said()),
        None if err.is_client() || err.is_response() => Reason::Protocol(said()),
        None => match tls_cause(err) {
            Some(tls) => Reason::Tls(tls),
            None => Reason::Connection(said()),
        },
    }
}

/// An error and what caused it, without what repeats itself.
fn causes(err: &(dyn Error + 'static)) -> String {
    let mut text = err.to_string();
    let mut next = err.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// Handshake errors arrive as input/output errors.
fn tls_cause(err: &smtp::Error) -> Option<String> {
    let mut next = err.source();
    while let Some(cause) = next {
        let io = cause.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())) {
            return Some(cause.to_string());
        }
        next = cause.source();
    }
    None
}

fn redacted(server: &SmtpServer, said: &str) -> String {
    let line: String =
        said.chars().take(MAX_SAID_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let password = server.credentials.as_ref().map(|credentials| credentials.password.expose());
    match password.and_then(|password| std::str::from_utf8(password).ok()) {
        Some(password) if !password.is_empty() => line.replace(password, "[password]"),
        _ => line,
    }
}

fn hint(server: &SmtpServer, step: Step, reason: &Reason) -> Option<Hint> {
    let from_start = server.security == Security::Tls;
    Some(match (step, reason) {
        (Step::Connect, Reason::Tls(said)) if said.contains("InvalidContentType") => {
            Hint::NoTlsAtFirst
        }
        (Step::Connect | Step::StartTls, Reason::Tls(said)) if said.contains("certificate") => {
            Hint::Certificate
        }
        (Step::Connect, Reason::NoAnswer) if server.port == 465 && !from_start => Hint::TlsAtFirst,
        (Step::Connect, Reason::NoAnswer) if server.port == 25 => Hint::Port25,
        (Step::Connect, Reason::NoAnswer | Reason::Connection(_)) => Hint::Address,
        (Step::StartTls, Reason::Protocol(_)) => Hint::NoStartTls,
        (Step::SignIn, Reason::Refused { .. }) => Hint::Password,
        (Step::Sender, Reason::Refused { .. }) => Hint::From,
        _ => return None,
    })
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Text::default()))
    }
}

impl Error for SmtpError {}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words(Text::default()))
    }
}
