//! A process that is killed, and one whose files cannot grow: what was acknowledged is there, and
//! nothing else is broken.
//!
//! The tests run themselves again as a child that writes and tells each acknowledgement.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cairn_identity::{Curve, SigningKey};
use cairn_store::{NewAccount, StoreError, WriteError, WriteRequest};
use tempfile::TempDir;

use crate::support::{World, create, did, note, open, path};

const DIR: &str = "CAIRN_TEST_CHILD_DIR";
const ROUND: &str = "CAIRN_TEST_CHILD_ROUND";
const ACCOUNTS: [&str; 4] = ["ann", "ben", "cat", "dan"];

/// Writes until it is killed, or until it has been refused often enough.
#[test]
#[ignore = "runs as the child of the other tests"]
fn child() {
    let (Some(dir), Ok(round)) = (std::env::var_os(DIR), std::env::var(ROUND)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&dir), |config| config.tuning.checkpoint_pages = 50);
        let mut tasks = Vec::new();
        for task in 0..8 {
            let (store, round) = (store.clone(), round.clone());
            tasks.push(tokio::spawn(async move {
                let mut refused = 0;
                for i in 0..1_000_000 {
                    let name = ACCOUNTS[(task + i) % ACCOUNTS.len()];
                    let key = format!("com.example.note/r{round}-{task}-{i}");
                    let request = WriteRequest {
                        account: did(name),
                        writes: vec![create(&key, note(&"x".repeat(100 + i % 3000)))],
                        swap_commit: None,
                        dedupe: false,
                    };
                    match store.write(request).await {
                        Ok(_) => say(&format!("ack {name} {key}")),
                        Err(WriteError::Store(StoreError::Full(_) | StoreError::Io(_))) => {
                            refused += 1
                        }
                        Err(err) => panic!("{err:?}"),
                    }
                    if refused == 5 {
                        return;
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        // Refused writes have harmed nothing, and reads go on.
        assert_eq!(store.verify(None).await.unwrap().problems, []);
        say("refused");
        store.close().await;
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

fn start(command: &str, dir: &Path, round: usize) -> Child {
    Command::new("sh")
        .args(["-c", command])
        .arg(std::env::current_exe().unwrap())
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

const RUN: &str = r#"exec "$0" --exact crash::child --ignored --nocapture"#;

/// Makes the accounts; returns the keys by which the events are checked.
async fn prepare(dir: TempDir) -> World {
    let store = open(dir.path(), |_| ());
    let world = World { dir, store, keys: Default::default() };
    for name in ACCOUNTS {
        let key = SigningKey::generate(Curve::K256);
        world.keys.lock().unwrap().insert(did(name), key.public());
        let new = NewAccount {
            did: did(name),
            handle: None,
            email: None,
            password_hash: None,
            passkey: None,
            signing_key: key,
            activate: true,
            delete_after: None,
            invite_code: None,
        };
        world.store.create_account(new).await.unwrap();
    }
    world
}

/// Opens the store again and looks for everything that was acknowledged.
async fn inspect(world: World, acks: &[(String, String)]) -> World {
    let World { dir, store, keys } = world;
    drop(store);
    let store = open(dir.path(), |_| ());
    let world = World { dir, store, keys };
    assert_eq!(world.store.verify(None).await.unwrap().problems, []);
    world.follow(true).await;
    for (name, key) in acks {
        let account = world.store.account(&did(name)).await.unwrap().unwrap();
        let record = world.store.record(account.id, &path(key)).await.unwrap();
        assert!(record.is_some(), "{name} {key}");
    }
    let report = world.store.verify(None).await.unwrap();
    let commits = world
        .events()
        .await
        .iter()
        .filter(
            |event| matches!(event, cairn_repo::frame::Event::Commit(body) if !body.ops.is_empty()),
        )
        .count();
    // Each durable commit has exactly one event, acknowledged or not.
    assert_eq!(commits as u64, report.records);
    assert!(report.records >= acks.len() as u64);
    world
}

fn acks_of(out: impl BufRead, mut until: impl FnMut() -> bool, acks: &mut Vec<(String, String)>) {
    for line in out.lines() {
        let Ok(line) = line else { return };
        if let Some((name, key)) = line.strip_prefix("ack ").and_then(|line| line.split_once(' ')) {
            acks.push((name.to_owned(), key.to_owned()));
        }
        if until() {
            return;
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let mut world = prepare(tempfile::tempdir().unwrap()).await;
    let mut acks = Vec::new();
    for round in 0..5 {
        world.store.close().await;
        let mut child = start(RUN, world.dir.path(), round);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = None;
        let lasts = Duration::from_millis(60 + 90 * round as u64);
        let until = || first.get_or_insert_with(Instant::now).elapsed() > lasts;
        acks_of(&mut out, until, &mut acks);
        child.kill().unwrap();
        child.wait().unwrap();
        // What was still in the pipe was acknowledged too. The last line may be cut.
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
        let whole = rest.rfind('\n').map_or("", |end| &rest[..end]);
        acks_of(whole.as_bytes(), || false, &mut acks);
        world = inspect(world, &acks).await;
    }
    assert!(acks.len() > 100, "{} acknowledgements", acks.len());
    world.finish().await;
}

#[tokio::test]
async fn a_file_that_cannot_grow_stops_writes_and_harms_nothing() {
    let mut world = prepare(tempfile::tempdir().unwrap()).await;
    world.store.close().await;
    // In blocks of 512 bytes.
    let limited = format!(r#"trap "" XFSZ; ulimit -f 6000; {RUN}"#);
    let mut child = start(&limited, world.dir.path(), 0);
    let mut acks = Vec::new();
    let out = BufReader::new(child.stdout.take().unwrap());
    acks_of(out, || false, &mut acks);
    assert!(child.wait().unwrap().success());
    assert!(acks.len() > 20, "{} acknowledgements", acks.len());
    world = inspect(world, &acks).await;
    let request = WriteRequest {
        account: did("ann"),
        writes: vec![create("com.example.note/room", note("again"))],
        swap_commit: None,
        dedupe: false,
    };
    world.store.write(request).await.unwrap();
    world.finish().await;
}
