//! A mail server on loopback that speaks real SMTP (RFC 5321) and can misbehave.

use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::mime::{MailMessage, code_in};

/// A mail server. It ends when it is dropped.
pub struct SmtpServer {
    pub port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    manners: Mutex<Manners>,
    log: Mutex<Log>,
    arrived: Notify,
}

#[derive(Default)]
struct Log {
    messages: Vec<MailMessage>,
    commands: Vec<String>,
    connections: usize,
}

/// How the server behaves.
#[derive(Clone, Default)]
pub struct Manners {
    /// Asks for this user and password before it takes mail.
    pub user: Option<(String, String)>,
    /// Offers STARTTLS.
    pub starttls: Option<TlsAcceptor>,
    /// Speaks TLS from the first byte.
    pub tls: Option<TlsAcceptor>,
    /// Answers commands that begin like this with that line.
    pub answer: Vec<(String, String)>,
    /// Closes the connection when it gets a command that begins like this.
    pub hang_up_at: Option<String>,
    /// Closes the connection after each message.
    pub hang_up_after_message: bool,
}

impl SmtpServer {
    /// A server that takes everything.
    pub async fn start() -> Self {
        Self::start_with(Manners::default()).await
    }

    /// A server with other manners.
    pub async fn start_with(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            manners: Mutex::new(manners),
            log: Mutex::default(),
            arrived: Notify::new(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { port, shared, accepting }
    }

    /// Changes its manners from the next command on.
    pub fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.shared.manners.lock().unwrap());
    }

    /// All messages that came in, oldest first.
    pub fn messages(&self) -> Vec<MailMessage> {
        self.shared.log.lock().unwrap().messages.clone()
    }

    /// Everything that clients said, oldest first.
    pub fn commands(&self) -> Vec<String> {
        self.shared.log.lock().unwrap().commands.clone()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.log.lock().unwrap().connections
    }

    /// The codes in the messages that came in, oldest first. Letters without one go out at any time.
    pub fn codes(&self) -> Vec<String> {
        self.messages().iter().filter_map(|message| code_in(&message.text())).collect()
    }

    /// The code with this number, once it is there; 0 is the first.
    pub async fn code(&self, number: usize) -> String {
        self.nth(number, Self::codes).await
    }

    /// The message with this number, once it is there; 0 is the first.
    pub async fn message(&self, number: usize) -> MailMessage {
        self.nth(number, Self::messages).await
    }

    /// Waits for a message with this subject.
    pub async fn letter(&self, subject: &str) -> MailMessage {
        let titled = |smtp: &Self| {
            let mut messages = smtp.messages();
            messages.retain(|message| message.header("Subject").as_deref() == Some(subject));
            messages
        };
        self.nth(0, titled).await
    }

    async fn nth<T>(&self, number: usize, all: impl Fn(&Self) -> Vec<T>) -> T {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(found) = all(self).into_iter().nth(number) {
                return found;
            }
            arrived.await;
        }
    }
}

impl SmtpServer {
    /// Ends the server; when this returns, its port refuses connections.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // Cancelled, which is what was asked for.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with the server.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.log.lock().unwrap().connections += 1;
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that goes away, or does not like our certificate, is nothing to complain about.
            let _ = greet(stream, shared).await;
        });
    }
}

async fn greet(stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let tls = shared.manners.lock().unwrap().tls.clone();
    let mut session = Session { shared, encrypted: tls.is_some(), user: None, upgraded: false };
    if let Some(tls) = tls {
        let stream = tls.accept(stream).await?;
        session.run(BufReader::new(stream)).await?;
        return Ok(());
    }
    let Some(stream) = session.run(BufReader::new(stream)).await? else { return Ok(()) };
    let starttls = session.shared.manners.lock().unwrap().starttls.clone();
    let stream = starttls.expect("STARTTLS was offered").accept(stream).await?;
    session.encrypted = true;
    session.upgraded = true;
    session.run(BufReader::new(stream)).await?;
    Ok(())
}

struct Session {
    shared: Arc<Shared>,
    encrypted: bool,
    upgraded: bool,
    user: Option<String>,
}

#[derive(Default)]
struct Envelope {
    from: String,
    to: Vec<String>,
}

impl Session {
    /// Serves until the client leaves, or gives the stream back for STARTTLS.
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut stream: BufReader<S>,
    ) -> std::io::Result<Option<S>> {
        if !self.upgraded {
            say(&mut stream, "220 mail.test ready").await?;
        }
        let mut envelope = Envelope::default();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let command = line.trim_end().to_owned();
            self.shared.log.lock().unwrap().commands.push(command.clone());
            let manners = self.shared.manners.lock().unwrap().clone();
            let begins = |text: &str| command.to_ascii_uppercase().starts_with(text);
            if manners.hang_up_at.as_deref().is_some_and(begins) {
                return Ok(None);
            }
            if let Some((_, answer)) = manners.answer.iter().find(|(text, _)| begins(text)) {
                say(&mut stream, answer).await?;
                continue;
            }
            match command.split([' ', ':']).next().unwrap().to_ascii_uppercase().as_str() {
                "EHLO" => self.hello(&mut stream, &manners).await?,
                "STARTTLS" => {
                    say(&mut stream, "220 go ahead").await?;
                    return Ok(Some(stream.into_inner()));
                }
                "AUTH" => self.sign_in(&mut stream, &manners, &command).await?,
                "MAIL" if manners.user.is_some() && self.user.is_none() => {
                    say(&mut stream, "530 5.7.0 Authentication required").await?;
                }
                "MAIL" => {
                    envelope = Envelope { from: address(&command), to: Vec::new() };
                    say(&mut stream, "250 2.1.0 Ok").await?;
                }
                "RCPT" => {
                    envelope.to.push(address(&command));
                    say(&mut stream, "250 2.1.5 Ok").await?;
                }
                "DATA" => {
                    self.take(&mut stream, &envelope).await?;
                    if manners.hang_up_after_message {
                        return Ok(None);
                    }
                }
                "QUIT" => {
                    say(&mut stream, "221 2.0.0 Bye").await?;
                    return Ok(None);
                }
                "NOOP" | "RSET" => say(&mut stream, "250 2.0.0 Ok").await?,
                _ => say(&mut stream, "502 5.5.2 Command not recognised").await?,
            }
        }
    }

    async fn hello<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        manners: &Manners,
    ) -> std::io::Result<()> {
        let mut lines = vec!["mail.test", "8BITMIME"];
        if manners.starttls.is_some() && !self.encrypted {
            lines.push("STARTTLS");
        }
        if manners.user.is_some() {
            lines.push("AUTH PLAIN LOGIN");
        }
        let last = lines.pop().unwrap();
        for line in lines {
            say(stream, &format!("250-{line}")).await?;
        }
        say(stream, &format!("250 {last}")).await
    }

    async fn sign_in<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        manners: &Manners,
        command: &str,
    ) -> std::io::Result<()> {
        let given = command.rsplit(' ').next().unwrap();
        let given = String::from_utf8(BASE64.decode(given.as_bytes()).unwrap()).unwrap();
        let (user, password) = manners.user.clone().unwrap_or_default();
        if given == format!("\0{user}\0{password}") {
            self.user = Some(user);
            return say(stream, "235 2.7.0 Authentication successful").await;
        }
        // Some servers repeat what they were told.
        let told = given.replace('\0', " ");
        say(stream, &format!("535 5.7.8 Bad credentials:{told}")).await
    }

    async fn take<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        envelope: &Envelope,
    ) -> std::io::Result<()> {
        say(stream, "354 End data with <CR><LF>.<CR><LF>").await?;
        let mut data = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line == ".\r\n" {
                break;
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        let Envelope { from, to } = envelope;
        let message = MailMessage {
            from: from.clone(),
            to: to.clone(),
            user: self.user.clone(),
            encrypted: self.encrypted,
            data,
        };
        self.shared.log.lock().unwrap().messages.push(message);
        say(stream, "250 2.0.0 Ok: queued as 12345").await?;
        self.shared.arrived.notify_waiters();
        Ok(())
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

fn address(command: &str) -> String {
    let (_, rest) = command.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}
