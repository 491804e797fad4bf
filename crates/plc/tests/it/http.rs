//! The directory over HTTP: every route, every error.

use crate::support;

use std::time::Duration;

use cairn_identity::plc::{LogEntry, sign_tombstone, timestamp};
use cairn_identity::{FetchRequest, PlcClientError};
use serde_json::{Value, json};
use support::{Account, World};

fn refusal(error: PlcClientError) -> (u16, String) {
    match error {
        PlcClientError::Directory { status, message, .. } => (status, message),
        other => panic!("{other:?}"),
    }
}

async fn post(world: &World, path: &str, body: Vec<u8>) -> (u16, Value) {
    let url = world.url(path);
    let request = FetchRequest::new(reqwest::Method::POST, url).body(body.into());
    let response = world.http.fetch(request).await.unwrap();
    (response.status.as_u16(), response.json().unwrap())
}

#[tokio::test]
async fn a_registered_did_can_be_read_in_every_form() {
    let world = World::start().await;
    let account = world.register("alice.test").await;
    let did = &account.did;

    let document = world.client.get_document(did).await.unwrap();
    assert_eq!(document.handle().unwrap().as_str(), "alice.test");
    assert_eq!(document.pds_endpoint().unwrap(), "https://pds.test");
    let response = world.get(did.as_str()).await;
    assert_eq!(response.headers["content-type"], "application/did+ld+json; charset=utf-8");
    assert_eq!(response.headers["access-control-allow-origin"], "*");

    let data = world.client.get_data(did).await.unwrap();
    assert_eq!(data.rotation_keys[1], account.weak.did_key().as_str());
    assert_eq!(world.client.get_last_op(did).await.unwrap(), account.genesis);
    let log: Value = world.get(&format!("{did}/log")).await.json().unwrap();
    assert_eq!(log, json!([account.genesis]));
    let audit = world.client.get_audit_log(did).await.unwrap();
    let entry = LogEntry {
        did: did.clone(),
        cid: account.genesis.cid(),
        operation: account.genesis.clone(),
        nullified: false,
        created_at: jiff::Timestamp::from_second(1_800_000_000).unwrap(),
    };
    assert_eq!(audit, [entry]);
}

#[tokio::test]
async fn unknown_dids_are_404_everywhere() {
    let world = World::start().await;
    let did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    for did in [did, "nonsense", "did:web:example.com"] {
        for path in ["", "/data", "/log", "/log/audit", "/log/last"] {
            let response = world.get(&format!("/{did}{path}")).await;
            assert_eq!(response.status, 404, "{did}{path}");
            let message = format!("DID not registered: {did}");
            assert_eq!(response.json::<Value>().unwrap(), json!({"message": message}));
        }
    }
}

#[tokio::test]
async fn a_tombstoned_did_is_not_available_but_keeps_its_log() {
    let world = World::start().await;
    let account = world.register("alice.test").await;
    let end = sign_tombstone(account.genesis.cid(), &account.weak);
    world.client.submit(&account.did, &end).await.unwrap();
    for path in ["", "/data"] {
        let response = world.get(&format!("{}{path}", account.did)).await;
        assert_eq!(response.status, 404);
        let message = format!("DID not available: {}", account.did);
        assert_eq!(response.json::<Value>().unwrap(), json!({"message": message}));
    }
    assert_eq!(world.client.get_last_op(&account.did).await.unwrap(), end);
    assert_eq!(world.client.get_audit_log(&account.did).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_recovery_nullifies_within_72_hours_and_no_longer() {
    let window = Duration::from_secs(72 * 3600);
    for (delay, in_time) in [(window, true), (window + Duration::from_millis(1), false)] {
        let world = World::start().await;
        let account = world.register("alice.test").await;
        world.clock.advance(Duration::from_secs(1));
        let theft = account.update(&account.genesis, "thief.test", &account.weak);
        world.client.submit(&account.did, &theft).await.unwrap();
        world.clock.advance(delay);
        let recovery = account.update(&account.genesis, "owner.test", &account.strong);
        let result = world.client.submit(&account.did, &recovery).await;
        let handle = world.client.get_document(&account.did).await.unwrap().handle().unwrap();
        let audit = world.client.get_audit_log(&account.did).await.unwrap();
        let marks: Vec<bool> = audit.iter().map(|entry| entry.nullified).collect();
        if in_time {
            result.unwrap();
            assert_eq!((handle.as_str(), marks), ("owner.test", vec![false, true, false]));
            continue;
        }
        let (status, message) = refusal(result.unwrap_err());
        assert_eq!(status, 400);
        assert!(message.contains("72 hr recovery window"), "{message}");
        assert_eq!((handle.as_str(), marks), ("thief.test", vec![false, false]));
    }
}

#[tokio::test]
async fn what_is_not_an_operation_of_the_did_is_refused() {
    let world = World::start().await;
    let account = world.register("alice.test").await;
    let other = Account::new("bob.test");
    let did = account.did.as_str();

    let wrong_did = world.client.submit(&account.did, &other.genesis).await.unwrap_err();
    assert_eq!(refusal(wrong_did), (400, "operations not correctly ordered".to_owned()));
    let wrong_genesis = world.client.submit(&other.did, &account.genesis).await.unwrap_err();
    let message = format!("hash of genesis operation does not match DID identifier: {did}");
    assert_eq!(refusal(wrong_genesis), (400, message));
    let stranger = account.update(&account.genesis, "x.test", &other.weak);
    let refused = world.client.submit(&account.did, &stranger).await.unwrap_err();
    assert_eq!(refusal(refused), (400, "invalid signature on operation".to_owned()));

    for body in ["", "nonsense", "{}", "[]", "null", r#"{"type":"plc_operation"}"#] {
        let (status, answer) = post(&world, did, body.into()).await;
        assert_eq!(status, 400, "{body}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.starts_with("Not a valid operation: "), "{message}");
    }
    let nested = "[".repeat(100_000).into_bytes();
    assert_eq!(post(&world, did, nested).await.0, 400);
    let (status, answer) = post(&world, did, vec![b' '; 200 * 1024]).await;
    assert_eq!(status, 413);
    assert!(answer["message"].is_string());
    let genesis = serde_json::to_vec(&other.genesis).unwrap();
    let (status, answer) = post(&world, "nonsense", genesis).await;
    assert_eq!((status, answer), (400, json!({"message": "Improperly formatted did: nonsense"})));
}

#[tokio::test]
async fn updates_are_limited_and_recoveries_are_not() {
    let world = World::start().await;
    let account = world.register("alice.test").await;
    let mut last = account.genesis.clone();
    for n in 1..10 {
        last = account.update(&last, &format!("h{n}.test"), &account.weak);
        world.client.submit(&account.did, &last).await.unwrap();
    }
    let eleventh = account.update(&last, "too.many.test", &account.weak);
    let refused = world.client.submit(&account.did, &eleventh).await.unwrap_err();
    let message = "too many operations within last hour (max 10)".to_owned();
    assert_eq!(refusal(refused), (400, message));

    let recovery = account.update(&account.genesis, "owner.test", &account.strong);
    world.client.submit(&account.did, &recovery).await.unwrap();
    world.clock.advance(Duration::from_secs(3601));
    let later = account.update(&recovery, "later.test", &account.weak);
    world.client.submit(&account.did, &later).await.unwrap();
}

#[tokio::test]
async fn the_export_pages_by_instant_and_by_number() {
    let world = World::start().await;
    let mut dids = Vec::new();
    for n in 0..5 {
        dids.push(world.register(&format!("h{n}.test")).await.did.to_string());
    }
    for by_number in [false, true] {
        let mut after = if by_number { "0".to_owned() } else { String::new() };
        let mut seen = Vec::new();
        loop {
            let page = world.get(&format!("export?count=2&after={after}")).await;
            assert_eq!(page.headers["content-type"], "application/jsonlines");
            let text = String::from_utf8(page.body.to_vec()).unwrap();
            let lines: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let Some(last) = lines.last() else { break };
            after = if by_number {
                assert_eq!(last["type"], "sequenced_op");
                assert_eq!(last.get("nullified"), None);
                last["seq"].to_string()
            } else {
                assert_eq!(last["nullified"], false);
                assert_eq!(last.get("seq"), None);
                last["createdAt"].as_str().unwrap().to_owned()
            };
            seen.extend(lines.iter().map(|line| line["did"].as_str().unwrap().to_owned()));
        }
        assert_eq!(seen, dids, "by number: {by_number}");
    }
    for query in ["count=0", "count=-1", "count=x", "after=yesterday", "after=99999999999999999999"]
    {
        assert_eq!(world.get(&format!("export?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn instants_rise_even_when_the_clock_stands_still() {
    let world = World::start().await;
    let account = world.register("alice.test").await;
    world.register("bob.test").await;
    let next = account.update(&account.genesis, "carol.test", &account.weak);
    world.client.submit(&account.did, &next).await.unwrap();
    let audit = world.client.get_audit_log(&account.did).await.unwrap();
    let instants: Vec<_> = audit.iter().map(|entry| timestamp::format(entry.created_at)).collect();
    assert_eq!(instants, ["2027-01-15T08:00:00.000Z", "2027-01-15T08:00:00.002Z"]);
}

#[tokio::test]
async fn health_and_home_answer_and_shutdown_ends() {
    let world = World::start().await;
    let health: Value = world.get("_health").await.json().unwrap();
    assert!(health["version"].is_string());
    assert_eq!(world.get("").await.status, 200);
    assert_eq!(world.get("export/stream").await.status, 426);
    world.stop.send(()).unwrap();
    world.served.await.unwrap().unwrap();
}
