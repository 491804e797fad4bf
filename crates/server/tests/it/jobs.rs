//! What goes on beside the requests, and what goes on when a client does not wait.

use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::firehose::listen;
use crate::harness::Server;

type Asked = mpsc::UnboundedSender<serde_json::Value>;

async fn request_crawl(State(asked): State<Asked>, Json(body): Json<serde_json::Value>) {
    asked.send(body).unwrap();
}

#[tokio::test]
async fn relays_are_asked_to_follow_when_the_server_starts() {
    let (sender, mut asked) = mpsc::unbounded_channel();
    let relay = Router::new()
        .route("/xrpc/com.atproto.sync.requestCrawl", post(request_crawl))
        .with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, relay).await.unwrap() });

    let server = Server::with(|config| config.crawlers = vec![url.parse().unwrap()]).await;
    let _listening = listen(server).await;
    let body = tokio::time::timeout(Duration::from_secs(10), asked.recv()).await.unwrap().unwrap();
    assert_eq!(body, serde_json::json!({"hostname": "pds.test"}));
}

#[tokio::test]
async fn a_procedure_runs_to_its_end_though_the_client_leaves() {
    let listening = listen(Server::start().await).await;
    let alice = listening.server.person("alice").await;
    let before = listening.server.app.store.events().head_seq();
    let body = format!(
        r#"{{"repo":"{}","collection":"com.example.thing","record":{{"$type":"com.example.thing"}}}}"#,
        alice.did
    );
    let request = format!(
        "POST /xrpc/com.atproto.repo.createRecord HTTP/1.1\r\nhost: pds.test\r\nauthorization: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        alice.bearer(),
        body.len()
    );
    let mut stream = TcpStream::connect(&listening.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    let written = async {
        while listening.server.app.store.events().head_seq() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.unwrap();
}
