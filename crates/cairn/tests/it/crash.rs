//! `kill -9` at any moment loses nothing that was acknowledged, and every durable commit is in the
//! firehose exactly once.
//!
//! A loaded server is killed several times. After each restart three things must agree: what
//! clients were told, what the repositories hold, and what the firehose replays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cairn_identity::{DidDocument, PublicKey};
use cairn_model::{Cid, Did, Tid};
use cairn_repo::frame::{self, Event};
use cairn_repo::{verify, walk};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Account, Client, Process, Settings, text};

const ROUNDS: usize = 4;
const ACCOUNTS: usize = 4;
const WRITERS_PER_ACCOUNT: usize = 3;
const COLLECTION: &str = "com.example.note";

/// What clients know of one account's records.
#[derive(Default)]
struct Known {
    /// Path → CID of what was acknowledged last; absent after an acknowledged deletion.
    records: BTreeMap<String, String>,
    /// Paths with a request that never got an answer: either outcome is right.
    unsure: Vec<String>,
    /// Revisions of acknowledged commits.
    revs: Vec<String>,
}

type Shared = Arc<std::sync::Mutex<Known>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_what_it_acknowledged_and_replays_every_commit_once() {
    let dir = tempfile::tempdir().unwrap();
    let plc = Process::plc(&dir.path().join("plc"));
    let settings = Settings::new(&dir.path().join("pds"), &plc.url);
    let mut server = Process::serve(&settings);
    let client = Client::new(&server.url);
    let mut accounts = Vec::new();
    for number in 0..ACCOUNTS {
        accounts.push((client.create_account(&format!("crash{number}")).await, Shared::default()));
    }
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = accounts
            .iter()
            .flat_map(|account| std::iter::repeat_n(account, WRITERS_PER_ACCOUNT))
            .enumerate()
            .map(|(writer, (account, known))| {
                let lane = format!("r{round}w{writer}");
                tokio::spawn(write(
                    client.clone(),
                    account.clone(),
                    Arc::clone(known),
                    lane,
                    Arc::clone(&stop),
                ))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(300 + 211 * round as u64)).await;
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            acknowledged += writer.await.unwrap();
        }
        server = Process::serve(&settings);
        let events = replay(&settings).await;
        for (account, known) in &accounts {
            let document = document(&plc, &account.did).await;
            let known = known.lock().unwrap().snapshot();
            check(&client, account, &known, &events, &document).await;
        }
    }
    assert!(acknowledged > 50, "too few writes to show anything: {acknowledged}");
    assert!(server.terminate().success());
}

impl Known {
    fn snapshot(&self) -> Known {
        Known {
            records: self.records.clone(),
            unsure: self.unsure.clone(),
            revs: self.revs.clone(),
        }
    }
}

/// Creates, updates and deletes until the server is gone; gives the number of acknowledgements.
async fn write(
    client: Client,
    account: Account,
    known: Shared,
    lane: String,
    stop: Arc<AtomicBool>,
) -> usize {
    let mut acknowledged = 0;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        // Every third request deletes the record before.
        let deletes = number % 3 == 0;
        let rkey = format!("{lane}n{}", if deletes { number - 1 } else { number });
        let path = format!("{COLLECTION}/{rkey}");
        let mut input = json!({ "repo": account.did, "collection": COLLECTION, "rkey": rkey });
        let method = if deletes {
            "com.atproto.repo.deleteRecord"
        } else {
            input["record"] =
                json!({ "$type": COLLECTION, "text": format!("note {lane} {number}") });
            if number % 2 == 0 {
                "com.atproto.repo.putRecord"
            } else {
                "com.atproto.repo.createRecord"
            }
        };
        let answer = client.call(Some(&account.token), method, &input).await;
        let mut known = known.lock().unwrap();
        match answer {
            Ok(answer) => {
                acknowledged += 1;
                known.revs.push(text(&answer, "/commit/rev"));
                if deletes {
                    known.records.remove(&path);
                } else {
                    known.records.insert(path, text(&answer, "/cid"));
                }
            }
            Err(_) => {
                known.unsure.push(path);
                return acknowledged;
            }
        }
    }
    acknowledged
}

/// The repository and the stream of one account, against what its clients know.
async fn check(
    client: &Client,
    account: &Account,
    known: &Known,
    events: &[Event],
    document: &DidDocument,
) {
    let key = document.signing_key().expect("the DID document names a signing key");
    let did = Did::parse(&account.did).unwrap();
    let head = client.get(&format!("/xrpc/com.atproto.sync.getLatestCommit?did={did}")).await;
    let (head_cid, head_rev) = (text(&head, "/cid"), text(&head, "/rev"));
    let in_stream = check_stream(&did, events, &key);
    assert_eq!(
        in_stream.last().map(|(rev, cid)| (rev.to_string(), cid.to_string())),
        Some((head_rev, head_cid))
    );
    for rev in &known.revs {
        let times = in_stream.iter().filter(|(seen, _)| seen.to_string() == *rev).count();
        assert_eq!(times, 1, "{did}: the acknowledged commit {rev} in the stream");
    }
    let records = export(client, &did, &key).await;
    for (path, cid) in &known.records {
        if !known.unsure.contains(path) {
            assert_eq!(records.get(path), Some(cid), "{did}: {path} was acknowledged");
        }
    }
    for path in records.keys() {
        let expected = known.records.contains_key(path) || known.unsure.contains(path);
        assert!(expected, "{did}: {path} was deleted or never written");
    }
}

/// Every commit verifies by itself and follows the one before; gives them in order.
fn check_stream(did: &Did, events: &[Event], key: &PublicKey) -> Vec<(Tid, Cid)> {
    let mut commits: Vec<(Tid, Cid)> = Vec::new();
    let mut data = None;
    for event in events {
        let Event::Commit(body) = event else { continue };
        if body.repo != *did {
            continue;
        }
        let verified =
            verify::commit_event(body, |bytes, sig| key.verify_strict(bytes, sig).is_ok()).unwrap();
        assert_eq!(body.since, commits.last().map(|(rev, _)| *rev), "{did}: since of {}", body.rev);
        assert_eq!(body.prev_data, data, "{did}: prevData of {}", body.rev);
        assert!(commits.last().is_none_or(|(rev, _)| *rev < body.rev));
        data = Some(verified.commit.data);
        commits.push((body.rev, body.commit));
    }
    commits
}

/// The records of the export, by path, after checking the whole tree.
async fn export(client: &Client, did: &Did, key: &PublicKey) -> BTreeMap<String, String> {
    let car = client.bytes(&format!("/xrpc/com.atproto.sync.getRepo?did={did}")).await;
    let (root, mut blocks) = cairn_repo::BlockMap::from_car(&car).unwrap();
    let commit = cairn_repo::Commit::decode(blocks.get(&root).unwrap()).unwrap();
    key.verify_strict(&commit.signing_bytes(), &commit.sig).unwrap();
    let mut walker = walk::Walker::new(commit.data);
    let mut records = BTreeMap::new();
    while let Some(step) = walker.next(&mut blocks).unwrap() {
        if let walk::Step::Record { path, cid } = step {
            assert!(blocks.get(&cid).is_some(), "the export lacks the block of {path}");
            records.insert(path.to_string(), cid.to_string());
        }
    }
    records
}

async fn document(plc: &Process, did: &str) -> DidDocument {
    let value: Value = Client::new(&plc.url).get(&format!("/{did}")).await;
    serde_json::from_value(value).unwrap()
}

/// Everything that the firehose has, until it falls silent.
async fn replay(settings: &Settings) -> Vec<Event> {
    let url =
        format!("ws://127.0.0.1:{}/xrpc/com.atproto.sync.subscribeRepos?cursor=0", settings.port);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut events = Vec::new();
    let mut last = 0;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(2), socket.next()).await
    {
        let Message::Binary(bytes) = message.unwrap() else { continue };
        let event = frame::decode(&bytes).unwrap();
        let seq = match &event {
            Event::Commit(body) => body.seq,
            Event::Sync(body) => body.seq,
            Event::Identity(body) => body.seq,
            Event::Account(body) => body.seq,
            // The cursor 0 is older than anything that is kept.
            Event::Info { name, .. } if name == "OutdatedCursor" => continue,
            Event::Info { .. } | Event::Error { .. } => panic!("the stream said {event:?}"),
        };
        assert!(seq > last, "sequence numbers grow");
        last = seq;
        events.push(event);
    }
    events
}
