//! One connection to a mail server, step by step, so that a failure can say which step it was.

use std::time::Duration;

use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{self, response::Response};
use tokio::time::timeout;

use super::super::{Security, Sender, SmtpServer};
use super::{Reason, SmtpError, Step};

/// For each answer, and for the connection to come about.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection that is ready for messages.
pub(super) struct Conversation {
    connection: AsyncSmtpConnection,
    server: SmtpServer,
}

/// Connects, encrypts and signs in as the operator said; `tell` hears of each step that is done.
pub(super) async fn dial(
    server: &SmtpServer,
    sender: &Sender,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Conversation, SmtpError> {
    let hello = ClientId::Domain(server.hello.clone().unwrap_or_else(|| sender.hostname.clone()));
    let tls = || {
        TlsParameters::new(server.host.clone())
            .map_err(|err| SmtpError::of(server, Step::Connect, &err))
    };
    let from_start = if server.security == Security::Tls { Some(tls()?) } else { None };
    let connect = AsyncSmtpConnection::connect_tokio1(
        (server.host.as_str(), server.port),
        Some(STEP_TIMEOUT),
        &hello,
        from_start,
        None,
    );
    let connection = within(server, Step::Connect, connect).await?;
    let mut conversation = Conversation { connection, server: server.clone() };
    tell(&format!("connected{}", if server.security == Security::Tls { " with TLS" } else { "" }));

    if conversation.wants_starttls() {
        let upgrade = conversation.connection.starttls(tls()?, &hello);
        within(server, Step::StartTls, upgrade).await?;
        tell("STARTTLS done");
    }
    if let Some(credentials) = &server.credentials {
        let password = String::from_utf8_lossy(credentials.password.expose()).into_owned();
        let credentials = Credentials::new(credentials.user.clone(), password);
        let sign_in = conversation.connection.auth(DEFAULT_MECHANISMS, &credentials);
        within(server, Step::SignIn, sign_in).await?;
        tell("signed in");
    }
    Ok(conversation)
}

impl Conversation {
    fn wants_starttls(&self) -> bool {
        match self.server.security {
            Security::StartTls => true,
            Security::StartTlsIfOffered => self.connection.can_starttls(),
            Security::Tls | Security::None => false,
        }
    }

    /// Whether the server is still there.
    pub(super) async fn is_alive(&mut self) -> bool {
        timeout(STEP_TIMEOUT, self.connection.test_connected()).await.unwrap_or(false)
    }

    /// Hands one message over, in ASCII as [`Sender::message`] writes it.
    pub(super) async fn send(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<String, SmtpError> {
        self.sender(envelope).await?;
        for recipient in envelope.to() {
            self.recipient(recipient).await?;
        }
        let response = self.message(message).await?;
        Ok(response.message().collect::<Vec<_>>().join(" "))
    }

    pub(super) async fn sender(&mut self, envelope: &Envelope) -> Result<(), SmtpError> {
        let mut parameters = Vec::new();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let lacking = "the server takes no addresses beyond ASCII (SMTPUTF8)".to_owned();
                return Err(SmtpError::new(
                    &self.server,
                    Step::Recipient,
                    Reason::Protocol(lacking),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let command = Mail::new(envelope.from().cloned(), parameters);
        within(&self.server, Step::Sender, self.connection.command(command)).await?;
        Ok(())
    }

    pub(super) async fn recipient(&mut self, address: &Address) -> Result<(), SmtpError> {
        let command = Rcpt::new(address.clone(), Vec::new());
        within(&self.server, Step::Recipient, self.connection.command(command)).await?;
        Ok(())
    }

    pub(super) async fn message(&mut self, message: &[u8]) -> Result<Response, SmtpError> {
        within(&self.server, Step::Message, self.connection.command(Data)).await?;
        within(&self.server, Step::Message, self.connection.message(message)).await
    }

    /// Says goodbye.
    pub(super) async fn quit(mut self) {
        let _ = timeout(STEP_TIMEOUT, self.connection.quit()).await;
    }
}

async fn within<T>(
    server: &SmtpServer,
    step: Step,
    work: impl Future<Output = Result<T, smtp::Error>>,
) -> Result<T, SmtpError> {
    match timeout(STEP_TIMEOUT, work).await {
        Ok(result) => result.map_err(|err| SmtpError::of(server, step, &err)),
        Err(_) => Err(SmtpError::new(server, step, Reason::NoAnswer)),
    }
}
