//! A server that is killed between the registration of a DID and the making of its account takes the DID back.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::{Client, Process, Settings, text};

/// Nothing that the test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_did_without_an_account_is_taken_back_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let plc = Process::plc(&dir.path().join("plc"));
    let (front, mut registered) = silent_front(&plc.url).await;
    let mut settings = Settings::new(&dir.path().join("pds"), &front);
    let mut server = Process::serve(&settings);
    let client = Client::new(&server.url);
    let signing_up = tokio::spawn(async move {
        let input = json!({ "handle": "alice.test", "email": "alice@example.com", "password": "correct horse" });
        client.call(None, "com.atproto.server.createAccount", &input).await
    });
    let did = registered.recv().await.unwrap();
    server.kill();
    assert!(signing_up.await.unwrap().is_err());

    plc.url.clone_into(&mut settings.plc_url);
    let server = Process::serve(&settings);
    let directory = Client::new(&plc.url);
    let ended = async {
        while text(&directory.get(&format!("/{did}/log/last")).await, "/type") != "plc_tombstone" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the DID is taken back");
    let repos = Client::new(&server.url).get("/xrpc/com.atproto.sync.listRepos").await;
    assert_eq!(repos["repos"], json!([]));
    Client::new(&server.url).create_account("alice").await;
}

/// A front of the directory that passes registrations on and keeps the answers to itself. Gives the DIDs.
async fn silent_front(plc: &str) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (registered, dids) = mpsc::unbounded_channel();
    let plc = plc.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(stream, plc.clone(), registered.clone()));
        }
    });
    (url, dids)
}

async fn pass_on(mut stream: TcpStream, plc: String, registered: mpsc::UnboundedSender<String>) {
    let mut request = Vec::new();
    let (path, body) = loop {
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
        if let Some(parts) = whole_post(&request) {
            break parts;
        }
    };
    let http = reqwest::Client::new();
    let answer = http.post(format!("{plc}{path}")).header("content-type", "application/json");
    assert!(answer.body(body).send().await.unwrap().status().is_success());
    registered.send(path.trim_start_matches('/').to_owned()).unwrap();
    // The caller never hears of it.
    let _ = stream.read_u8().await;
    let _ = stream.shutdown().await;
}

/// Path and body, once all of the request is there.
fn whole_post(request: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let body = request[end + 4..].to_vec();
    let path = head.strip_prefix("post ")?.split(' ').next()?.to_owned();
    (body.len() == length.parse::<usize>().ok()?).then_some((path, body))
}
