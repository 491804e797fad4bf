//! A thousand consumers of the event stream at once.

use std::time::Duration;

use cairn_repo::frame::{self, Event};
use futures_util::StreamExt;
use futures_util::future::{join_all, try_join_all};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Process, Settings};

const SUBSCRIBERS: usize = 1_000;
const WRITES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_subscribers_get_every_event() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let plc = Process::plc(&dir.path().join("plc"));
    let settings = Settings::new(&dir.path().join("pds"), &plc.url);
    let server = Process::serve(&settings);
    let client = Client::new(&server.url);
    let alice = client.create_account("alice").await;

    let stream =
        format!("ws://127.0.0.1:{}/xrpc/com.atproto.sync.subscribeRepos?cursor=0", settings.port);
    let mut sockets = Vec::new();
    while sockets.len() < SUBSCRIBERS {
        let some = (0..100).map(|_| tokio_tungstenite::connect_async(&stream));
        sockets.extend(try_join_all(some).await.unwrap().into_iter().map(|(socket, _)| socket));
    }
    let readers = sockets.into_iter().map(|mut socket| {
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            while seqs.len() < WRITES {
                let message = timeout(Duration::from_secs(60), socket.next()).await;
                let Message::Binary(bytes) = message.unwrap().unwrap().unwrap() else { continue };
                if let Event::Commit(commit) = frame::decode(&bytes).unwrap()
                    && !commit.ops.is_empty()
                {
                    seqs.push(commit.seq);
                }
            }
            seqs
        })
    });
    let readers: Vec<_> = readers.collect();
    for n in 0..WRITES {
        let input =
            json!({ "repo": alice.did, "collection": "com.example.note", "record": { "n": n } });
        client.call(Some(&alice.token), "com.atproto.repo.createRecord", &input).await.unwrap();
    }
    let seen: Vec<Vec<u64>> = join_all(readers).await.into_iter().map(Result::unwrap).collect();
    assert!(seen[0].is_sorted());
    assert!(seen.iter().all(|seqs| *seqs == seen[0]));
}
