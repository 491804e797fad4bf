//! Start, end, and what is refused.

use serde_json::json;

use crate::support::{Client, Process, Settings, program, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_on_sigterm_and_comes_back_with_all_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let plc = Process::plc(&dir.path().join("plc"));
    let settings = Settings::new(&dir.path().join("pds"), &plc.url);
    let mut server = Process::serve(&settings);
    let client = Client::new(&server.url);
    let alice = client.create_account("alice").await;
    let input = json!({ "repo": alice.did, "collection": "app.bsky.feed.post", "record": {
        "$type": "app.bsky.feed.post", "text": "still here", "createdAt": "2026-11-22T10:00:00.000Z" } });
    let post =
        client.call(Some(&alice.token), "com.atproto.repo.createRecord", &input).await.unwrap();
    assert!(server.terminate().success(), "SIGTERM is a clean end");

    let server = Process::serve(&settings);
    assert_eq!(server.url, format!("http://localhost:{}", settings.port));
    let rkey = text(&post, "/uri").rsplit('/').next().unwrap().to_owned();
    let path = format!(
        "/xrpc/com.atproto.repo.getRecord?repo={}&collection=app.bsky.feed.post&rkey={rkey}",
        alice.did
    );
    let record = client.get(&path).await;
    assert_eq!(text(&record, "/cid"), text(&post, "/cid"));
    // Sessions outlive the restart: the key of tokens is kept.
    client.call(Some(&alice.token), "com.atproto.repo.createRecord", &input).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let plc = Process::plc(&dir.path().join("plc"));
    let settings = Settings::new(&dir.path().join("pds"), &plc.url);
    let first = Process::serve(&settings);
    let mut second = Settings::new(&settings.data, &plc.url);
    second.port = 0;
    let output = program()
        .arg("serve")
        .env("PDS_HOSTNAME", "localhost")
        .env("PDS_DEV_MODE", "1")
        .env("CAIRN_LISTEN", "127.0.0.1")
        .env("PDS_PORT", "0")
        .env("PDS_DATA_DIRECTORY", &settings.data)
        .env("PDS_DID_PLC_URL", &plc.url)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("another process"), "it said: {said}");
    assert!(
        text(&Client::new(&first.url).get("/xrpc/_health").await, "/version").starts_with("0.")
    );
}

#[test]
fn a_slip_in_the_configuration_is_named() {
    let output = program().arg("serve").env("CAIRN_HOSTNAM", "pds.example.com").output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("CAIRN_HOSTNAM;") && said.contains("CAIRN_HOSTNAME"), "it said: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_do_not_use_up_the_files_that_the_server_needs() {
    let dir = tempfile::tempdir().unwrap();
    let plc = Process::plc(&dir.path().join("plc"));
    let settings = Settings::new(&dir.path().join("pds"), &plc.url);
    let server = Process::serve_with_open_files(&settings, 128);
    let stream = format!("ws://127.0.0.1:{}/xrpc/com.atproto.sync.subscribeRepos", settings.port);
    let mut subscribers = Vec::new();
    for _ in 0..200 {
        subscribers.push(tokio_tungstenite::connect_async(&stream).await.unwrap());
    }
    Client::new(&server.url).create_account("alice").await;
}
