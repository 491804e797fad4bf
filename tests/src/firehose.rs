//! A subscription to a server's event stream.

use std::time::Duration;

use cairn_repo::frame::{self, Event};
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open socket.
pub struct Firehose {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Firehose {
    /// Subscribes at the server with this origin.
    pub async fn connect(base: &str, cursor: Option<u64>) -> Result<Self, tungstenite::Error> {
        let cursor = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        Self::connect_to(&format!("{base}/xrpc/com.atproto.sync.subscribeRepos{cursor}")).await
    }

    /// Subscribes at any URL.
    pub async fn connect_to(url: &str) -> Result<Self, tungstenite::Error> {
        let (socket, _) = connect_async(url.replacen("http", "ws", 1)).await?;
        Ok(Self { socket })
    }

    /// The next event; `None` when the server has closed the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("an event comes in time");
            match message?.unwrap() {
                Message::Binary(bytes) => return Some(frame::decode(&bytes).unwrap()),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// The next event, which must come.
    pub async fn event(&mut self) -> Event {
        self.next().await.expect("the stream goes on")
    }

    /// The next events as words: `identity`, `account active`, `commit`, `sync`, …
    pub async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::with_capacity(count);
        for _ in 0..count {
            names.push(name(&self.event().await));
        }
        names
    }
}

/// An event in a word or two.
pub fn name(event: &Event) -> String {
    match event {
        Event::Commit(commit) if commit.ops.is_empty() => "empty commit".to_owned(),
        Event::Commit(_) => "commit".to_owned(),
        Event::Sync(_) => "sync".to_owned(),
        Event::Identity(identity) => match &identity.handle {
            Some(handle) => format!("identity {handle}"),
            None => "identity".to_owned(),
        },
        Event::Account(account) if account.active => "account active".to_owned(),
        Event::Account(account) => {
            format!("account {}", account.status.as_deref().unwrap_or("inactive"))
        }
        Event::Info { name, .. } => format!("info {name}"),
        Event::Error { error, .. } => format!("error {error}"),
    }
}
