//! What went wrong between us and a mail server, in words that an operator can act on.

use std::error::Error;
use std::fmt;

use lettre::transport::smtp;

use super::super::{Security, SmtpServer};

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
    pub hint: Option<&'static str>,
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

fn hint(server: &SmtpServer, step: Step, reason: &Reason) -> Option<&'static str> {
    let from_start = server.security == Security::Tls;
    match (step, reason) {
        (Step::Connect, Reason::Tls(said)) if said.contains("InvalidContentType") => {
            Some("the port does not speak TLS from the first byte: try smtp:// for STARTTLS")
        }
        (Step::Connect | Step::StartTls, Reason::Tls(said)) if said.contains("certificate") => {
            Some(
                "the certificate is not trusted or is for another name; SSL_CERT_FILE names further roots",
            )
        }
        (Step::Connect, Reason::NoAnswer) if server.port == 465 && !from_start => {
            Some("port 465 speaks TLS from the first byte: try smtps://")
        }
        (Step::Connect, Reason::NoAnswer) if server.port == 25 => {
            Some("many hosting companies block port 25: ask for port 587 or 465")
        }
        (Step::Connect, Reason::NoAnswer | Reason::Connection(_)) => {
            Some("check host and port, and that a firewall lets them through")
        }
        (Step::StartTls, Reason::Protocol(_)) => Some(
            "the server offers no STARTTLS: try smtps://, or ?tls=none if the network between is your own",
        ),
        (Step::SignIn, Reason::Refused { .. }) => Some(
            "check user and password; characters like @ : / # % in them are written with percent signs",
        ),
        (Step::Sender, Reason::Refused { .. }) => {
            Some("the server does not let this account send from email_from_address")
        }
        _ => None,
    }
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} failed: {}", self.server, self.step, self.reason)
    }
}

impl Error for SmtpError {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::StartTls => "STARTTLS",
            Self::SignIn => "signing in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Message => "handing the message over",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, said } => write!(f, "the server says {code} {said}"),
            Self::NoAnswer => f.write_str("no answer in time"),
            Self::Tls(said) | Self::Connection(said) | Self::Protocol(said) => f.write_str(said),
        }
    }
}
