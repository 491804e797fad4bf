//! `subscribeRepos` over real sockets.

use std::time::Duration;

use cairn_repo::frame::{self, Event};
use cairn_server::serve;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::Server;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A server that listens on loopback.
pub struct Listening {
    pub server: Server,
    pub address: String,
    pub stop: oneshot::Sender<()>,
    pub done: tokio::task::JoinHandle<std::io::Result<()>>,
}

pub async fn listen(server: Server) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let app = server.app.clone();
    let done = tokio::spawn(async move {
        serve(listener, app, async {
            let _ = stopped.await;
        })
        .await
    });
    Listening { server, address, stop, done }
}

impl Listening {
    pub async fn subscribe(&self, query: &str) -> Socket {
        let url = format!("ws://{}/xrpc/com.atproto.sync.subscribeRepos{query}", self.address);
        connect_async(url).await.unwrap().0
    }
}

/// The next frame; pings and pongs are passed over.
async fn next(socket: &mut Socket) -> Event {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        if let Message::Binary(bytes) = message {
            return frame::decode(&bytes).unwrap();
        }
    }
}

fn seq(event: &Event) -> u64 {
    match event {
        Event::Commit(body) => body.seq,
        Event::Sync(body) => body.seq,
        Event::Identity(body) => body.seq,
        Event::Account(body) => body.seq,
        other => panic!("no seq: {other:?}"),
    }
}

/// Whether the event is a commit that changes this record.
fn changes(event: &Event, path: &str) -> bool {
    match event {
        Event::Commit(body) => body.ops.iter().any(|op| op.path.as_str() == path),
        Event::Error { error, .. } => panic!("the stream ended with {error}"),
        _ => false,
    }
}

#[tokio::test]
async fn a_subscriber_sees_what_is_written_from_then_on_or_from_its_cursor() {
    let listening = listen(Server::start().await).await;
    let alice = listening.server.person("alice").await;
    let mut live = listening.subscribe("").await;
    // The socket is subscribed when the upgrade is answered and its task runs; a replay tells when that is.
    while listening.server.app.subscribers.count() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let cid = listening.server.write(&alice, "com.example.note/a", "text").await;
    let Event::Commit(commit) = next(&mut live).await else { panic!("not a commit") };
    assert_eq!((commit.repo, commit.ops[0].cid), (alice.did.clone(), Some(cid)));

    let mut replay = listening.subscribe("?cursor=0").await;
    let mut kinds = Vec::new();
    let mut last = 0;
    for _ in 0..5 {
        let event = next(&mut replay).await;
        assert!(seq(&event) > last);
        last = seq(&event);
        kinds.push(match event {
            Event::Identity(_) => "identity",
            Event::Account(_) => "account",
            Event::Commit(_) => "commit",
            Event::Sync(_) => "sync",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(kinds, ["identity", "account", "commit", "sync", "commit"]);
    assert_eq!(last, commit.seq);

    let mut resumed = listening.subscribe(&format!("?cursor={last}")).await;
    listening.server.write(&alice, "com.example.note/b", "text").await;
    assert!(seq(&next(&mut resumed).await) > last);
}

#[tokio::test]
async fn a_replay_longer_than_the_memory_is_whole_and_in_order() {
    let listening = listen(Server::start().await).await;
    let alice = listening.server.person("alice").await;
    for n in 0..600 {
        listening.server.write(&alice, "com.example.note/a", &n.to_string()).await;
    }
    let mut socket = listening.subscribe("?cursor=0").await;
    let mut last = 0;
    for _ in 0..604 {
        let event = next(&mut socket).await;
        assert!(seq(&event) > last);
        last = seq(&event);
    }
    assert_eq!(last, listening.server.app.store.events().head_seq());
}

#[tokio::test]
async fn a_cursor_in_the_future_is_an_error_and_the_end() {
    let listening = listen(Server::start().await).await;
    listening.server.person("alice").await;
    let app = &listening.server.app;
    let future = app.store.events().head_seq().max(app.now_micros()) + 1;
    let mut socket = listening.subscribe(&format!("?cursor={future}")).await;
    let Event::Error { error, .. } = next(&mut socket).await else { panic!("not an error") };
    assert_eq!(error, "FutureCursor");
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("not closed") };
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Policy, "FutureCursor"));
}

#[tokio::test]
async fn an_outdated_cursor_is_told_so_and_gets_what_there_is() {
    let listening = listen(Server::start().await).await;
    let store = &listening.server.app.store;
    let alice = listening.server.person("alice").await;
    listening.server.clock.advance(Duration::from_secs(100 * 3_600));
    listening.server.write(&alice, "com.example.note/a", "text").await;
    store.sweep().await.unwrap();
    let mut socket = listening.subscribe("?cursor=1").await;
    let Event::Info { name, .. } = next(&mut socket).await else { panic!("not an info") };
    assert_eq!(name, "OutdatedCursor");
    let Event::Commit(last) = next(&mut socket).await else { panic!("not the oldest event") };
    // Zero asks for what there is, and whoever has seen all has missed nothing.
    let mut socket = listening.subscribe("?cursor=0").await;
    let Event::Commit(_) = next(&mut socket).await else { panic!("not the oldest event") };
    let mut socket = listening.subscribe(&format!("?cursor={}", last.seq)).await;
    listening.server.write(&alice, "com.example.note/b", "text").await;
    let Event::Commit(_) = next(&mut socket).await else { panic!("not the next event") };
}

#[tokio::test]
async fn a_cursor_before_the_first_event_of_all_has_missed_nothing() {
    let listening = listen(
        Server::with(|config| config.firehose.ping_interval = Duration::from_millis(10)).await,
    )
    .await;
    listening.server.person("alice").await;
    let mut socket = listening.subscribe("?cursor=1").await;
    socket.send(Message::Text("hello".into())).await.unwrap();
    for _ in 0..4 {
        let event = next(&mut socket).await;
        assert!(!matches!(event, Event::Info { .. } | Event::Error { .. }), "{event:?}");
    }
}

#[tokio::test]
async fn what_a_client_says_is_ignored_and_pings_are_answered() {
    let listening = listen(
        Server::with(|config| config.firehose.ping_interval = Duration::from_millis(50)).await,
    )
    .await;
    let mut socket = listening.subscribe("").await;
    socket.send(Message::Text("hello".into())).await.unwrap();
    socket.send(Message::Binary(vec![0xff].into())).await.unwrap();
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    let (mut pinged, mut ponged) = (false, false);
    while !(pinged && ponged) {
        match socket.next().await.unwrap().unwrap() {
            Message::Ping(_) => pinged = true,
            Message::Pong(payload) => ponged = payload.as_ref() == b"are you there",
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_consumer_that_takes_nothing_is_closed_and_slows_nobody() {
    // Long enough for a reader that gets no core for a while.
    let server = Server::with(|config| config.firehose.send_timeout = Duration::from_secs(2)).await;
    let listening = listen(server).await;
    let alice = listening.server.person("alice").await;
    let stuck = listening.subscribe("?cursor=0").await;
    let mut healthy = listening.subscribe("?cursor=0").await;
    let reads_to_the_last = tokio::spawn(async move {
        while !changes(&next(&mut healthy).await, "com.example.note/last") {}
        healthy
    });
    // More than a socket's buffers hold. Each write is a commit: the paths differ.
    let text = "x".repeat(100_000);
    for n in 0..240 {
        listening.server.write(&alice, &format!("com.example.note/{n}"), &text).await;
    }
    listening.server.write(&alice, "com.example.note/last", &text).await;
    let _healthy = reads_to_the_last.await.unwrap();
    while listening.server.app.subscribers.count() > 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(stuck);
}

#[tokio::test]
async fn subscribers_beyond_the_limit_are_refused() {
    let listening = listen(Server::with(|config| config.firehose.max_subscribers = 1).await).await;
    let _one = listening.subscribe("").await;
    let url = format!("ws://{}/xrpc/com.atproto.sync.subscribeRepos", listening.address);
    let tokio_tungstenite::tungstenite::Error::Http(response) =
        connect_async(url).await.unwrap_err()
    else {
        panic!("not an answer")
    };
    assert_eq!(response.status().as_u16(), 503);
}

#[tokio::test]
async fn without_an_upgrade_the_answer_is_426() {
    let server = Server::start().await;
    let reply = server.get("/xrpc/com.atproto.sync.subscribeRepos").await;
    assert_eq!(reply.error(), (426, "UpgradeRequired".into()));
    assert_eq!(reply.header("upgrade"), "websocket");
}

#[tokio::test]
async fn a_stop_closes_sockets_properly_and_ends_soon() {
    let listening = listen(Server::start().await).await;
    let mut socket = listening.subscribe("").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    listening.stop.send(()).unwrap();
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("not closed") };
    assert_eq!(close.code, CloseCode::Restart);
    drop(socket);
    tokio::time::timeout(Duration::from_secs(5), listening.done).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_client_behind_a_proxy_has_seats_of_its_own() {
    let few = Server::with(|config| config.firehose.max_per_address = 1);
    let listening = listen(few.await).await;
    let subscribe = async |client: &str| {
        let url = format!("ws://{}/xrpc/com.atproto.sync.subscribeRepos", listening.address);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        connect_async(request).await.map(|(socket, _)| socket)
    };
    let first = subscribe("192.0.2.1").await.unwrap();
    let Err(Error::Http(refused)) = subscribe("192.0.2.1").await else { panic!("not refused") };
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "60");
    let _second = subscribe("192.0.2.2").await.unwrap();
    drop(first);
    while subscribe("192.0.2.1").await.is_err() {
        tokio::task::yield_now().await;
    }
}
