//! `cairn dev`: everything embedded, from one folder.

use serde_json::json;

use crate::support::{Client, Process, free_port, program, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_needs_nothing_else_and_keeps_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port()];
    let mut server = Process::dev(dir.path(), ports);
    assert_eq!(server.url, format!("http://localhost:{}", ports[0]));
    let client = Client::new(&server.url);
    let alice = client.create_account("alice").await;
    let record = json!({ "repo": alice.did, "collection": "com.example.note", "rkey": "a", "record": { "text": "kept" } });
    let put = "com.atproto.repo.putRecord";
    let written = client.call(Some(&alice.token), put, &record).await.unwrap();
    assert!(server.terminate().success());

    let _server = Process::dev(dir.path(), ports);
    let kept = client
        .get("/xrpc/com.atproto.repo.getRecord?repo=alice.test&collection=com.example.note&rkey=a");
    assert_eq!(text(&kept.await, "/cid"), text(&written, "/cid"));
    let sign_in = json!({ "identifier": "alice.test", "password": "correct horse" });
    let session = client.call(None, "com.atproto.server.createSession", &sign_in).await.unwrap();
    // The directory is the same one too: the document still names this server.
    assert_eq!(
        text(&session, "/didDoc/service/0/serviceEndpoint"),
        format!("http://localhost:{}", ports[0])
    );
    let page = String::from_utf8(client.bytes("/").await).unwrap();
    assert!(page.contains("alice.test") && page.contains(&alice.did), "{page}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (given, other) in [("--port", "--plc-port"), ("--plc-port", "--port")] {
        let mut command = program();
        command.args(["dev", given, &port, other, "0", "--data"]).arg(dir.path());
        let output = command.output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&port) && said.contains("in use"), "it said: {said}");
    }
}
