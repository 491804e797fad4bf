//! Whatever is sent, the answer is a JSON error with a name and a status below 500.

use cairn_tests::{Reply, TestPds, post};
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::json;

const CREATE: &str = "com.atproto.repo.createRecord";

#[track_caller]
fn assert_refused(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {} {}", reply.status, reply.text());
    let json = reply.json();
    assert!(
        json["error"].as_str().is_some_and(|name| !name.is_empty() && !name.contains(' ')),
        "{what}: {json}"
    );
    assert!(json["message"].is_string(), "{what}: {json}");
}

#[tokio::test]
async fn records_outside_the_data_model_are_refused() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let before = alice.head().await;
    let deep = |n: usize| format!("{}1{}", r#"{"a":"#.repeat(n), "}".repeat(n));
    let records = [
        ("a float", r#"{"a":1.5}"#.to_owned()),
        ("an exponent", r#"{"a":1e400}"#.to_owned()),
        ("an integer beyond 64 bits", r#"{"a":9223372036854775808}"#.to_owned()),
        ("a huge integer", format!(r#"{{"a":{}}}"#, "9".repeat(400))),
        ("33 levels", deep(33)),
        ("100,000 levels", deep(100_000)),
        ("100,000 open lists", format!(r#"{{"a":{}"#, "[".repeat(100_000))),
        ("a broken link", r#"{"a":{"$link":"nonsense"}}"#.to_owned()),
        ("broken bytes", r#"{"a":{"$bytes":"***"}}"#.to_owned()),
        ("a key twice", r#"{"a":1,"a":2}"#.to_owned()),
        ("an empty key", r#"{"":1}"#.to_owned()),
        ("a type that is a number", r#"{"$type":5}"#.to_owned()),
        ("a broken blob", r#"{"a":{"$type":"blob"}}"#.to_owned()),
        ("a list", "[]".to_owned()),
        ("text", "\"x\"".to_owned()),
        ("null", "null".to_owned()),
        ("a lone surrogate", r#"{"a":"\ud800"}"#.to_owned()),
        ("a raw control character", "{\"a\":\"\u{1}\"}".to_owned()),
        ("not a number", r#"{"a":NaN}"#.to_owned()),
    ];
    for (what, record) in records {
        let body = format!(
            r#"{{"repo":"{}","collection":"com.example.thing","record":{record}}}"#,
            alice.did
        );
        assert_refused(&alice.upload(CREATE, "application/json", body).await, what);
    }
    assert_eq!(alice.head().await, before);
    // At the edge it holds.
    let body = format!(
        r#"{{"repo":"{}","collection":"com.example.thing","record":{}}}"#,
        alice.did,
        deep(32)
    );
    alice.upload(CREATE, "application/json", body).await.ok();
    let body = format!(
        r#"{{"repo":"{}","collection":"com.example.thing","record":{{"a":123.0,"b":-9223372036854775808}}}}"#,
        alice.did
    );
    alice.upload(CREATE, "application/json", body).await.ok();
}

#[tokio::test]
async fn inputs_of_the_wrong_shape_are_refused_with_their_place() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for (input, place) in [
        (json!({}), "repo"),
        (json!({ "repo": 5 }), "repo"),
        (json!({ "repo": "no handle", "collection": "a.b.c", "record": {} }), "repo"),
        (json!({ "repo": alice.did, "collection": "nonsense", "record": {} }), "collection"),
        (json!({ "repo": alice.did, "collection": "com.example.thing" }), "record"),
        (
            json!({ "repo": alice.did, "collection": "com.example.thing", "record": {}, "rkey": "a/b" }),
            "rkey",
        ),
        (
            json!({ "repo": alice.did, "collection": "com.example.thing", "record": {}, "rkey": ".." }),
            "rkey",
        ),
        (
            json!({ "repo": alice.did, "collection": "com.example.thing", "record": {}, "rkey": "x".repeat(513) }),
            "rkey",
        ),
        (
            json!({ "repo": alice.did, "collection": "com.example.thing", "record": {}, "rkey": "\u{0}" }),
            "rkey",
        ),
        (
            json!({ "repo": alice.did, "collection": "com.example.thing", "record": {}, "validate": "yes" }),
            "validate",
        ),
        (
            json!({ "repo": alice.did, "collection": "com.example.thing", "record": {}, "swapCommit": 1 }),
            "swapCommit",
        ),
        (json!([]), ""),
        (json!("text"), ""),
        (json!(null), ""),
    ] {
        let reply = alice.call(CREATE, input.clone()).await;
        assert_refused(&reply, &input.to_string());
        assert!(reply.message().contains(place), "{input}: {}", reply.message());
    }
}

#[tokio::test]
async fn bodies_that_are_no_bodies_are_refused() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let good =
        json!({ "repo": alice.did, "collection": "app.bsky.feed.post", "record": post("x") })
            .to_string();
    let request = || alice.request(Method::POST, CREATE);
    let typed = |kind: &'static str| request().header(CONTENT_TYPE, kind);
    for (what, request) in [
        ("nothing", request()),
        ("no type", request().body(good.clone())),
        ("another type", typed("text/plain").body(good.clone())),
        ("two values", typed("application/json").body(format!("{good}{good}"))),
        ("half a value", typed("application/json").body(good[..good.len() / 2].to_owned())),
        ("no utf-8", typed("application/json").body(vec![b'"', 0xff, 0xfe, b'"'])),
        (
            "broken gzip",
            typed("application/json").header(CONTENT_ENCODING, "gzip").body(good.clone()),
        ),
        ("too long", typed("application/json").body(" ".repeat(1_000_001))),
    ] {
        assert_refused(&alice.send(request).await, what);
    }
    alice.send(typed("application/json; charset=utf-8").body(good)).await.ok();
}

#[tokio::test]
async fn broken_car_files_are_refused_and_leave_the_repository_alone() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    for n in 0..20 {
        alice.post(&format!("post {n}")).await;
    }
    let (car, before) = (alice.car().await, alice.head().await);
    let mut flipped = car.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let header = [0x3a, 0xa2].iter().chain(b"eroots\x80gversion\x01").copied().collect::<Vec<u8>>();
    let import = "com.atproto.repo.importRepo";
    for (what, body) in [
        ("cut short", car.slice(..car.len() - 1).to_vec()),
        ("cut in the header", car.slice(..10).to_vec()),
        ("empty", Vec::new()),
        ("one bit changed", flipped),
        ("not a car", b"hello".to_vec()),
        ("zeros", vec![0; 100_000]),
        ("a length without end", vec![0xff; 100]),
        (
            "a block of 2^60 bytes",
            [&car[..60], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
        ),
        ("no roots", header),
        ("somebody else's", bob.car().await.to_vec()),
    ] {
        assert_refused(&alice.upload(import, "application/vnd.ipld.car", body).await, what);
        assert_eq!(alice.head().await, before, "{what}");
    }
    assert_refused(&alice.upload(import, "application/json", "{}").await, "another type");
    assert_eq!(alice.repo().await.records.len(), 20);
}

#[tokio::test]
async fn control_characters_and_oddities_in_parameters_are_refused() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let did = alice.did.as_str();
    for query in [
        "com.atproto.repo.getRecord".to_owned(),
        format!("com.atproto.repo.getRecord?repo={did}&collection=a.b.c&rkey=%00"),
        format!("com.atproto.repo.getRecord?repo={did}&collection=a.b.c&rkey=%ff"),
        format!("com.atproto.repo.getRecord?repo={did}%0a&collection=a.b.c&rkey=x"),
        format!(
            "com.atproto.repo.listRecords?repo={did}&collection=a.b.c&limit=99999999999999999999"
        ),
        format!("com.atproto.repo.listRecords?repo={did}&collection=a.b.c&limit=-1"),
        "com.atproto.identity.resolveHandle?handle=..".to_owned(),
        "com.atproto.identity.resolveHandle?handle=%F0%9F%A6%80.test".to_owned(),
        "com.atproto.server.describeServer/extra".to_owned(),
        "not-an-nsid".to_owned(),
    ] {
        assert_refused(&pds.anyone.send(pds.anyone.request(Method::GET, &query)).await, &query);
    }
    for (method, nsid) in [
        (Method::GET, CREATE),
        (Method::POST, "com.atproto.repo.getRecord"),
        (Method::PUT, CREATE),
        (Method::DELETE, CREATE),
    ] {
        assert_refused(
            &alice.send(alice.request(method.clone(), nsid)).await,
            &format!("{method} {nsid}"),
        );
    }
}

#[tokio::test]
async fn records_of_a_million_bytes_are_the_largest() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let record = |bytes: usize| json!({ "x": "y".repeat(bytes) });
    alice.create("com.example.thing", record(990_000)).await.ok();
    assert_refused(
        &alice.create("com.example.thing", record(999_990)).await,
        "beyond the body limit",
    );
    // Bytes are smaller in DAG-CBOR than in JSON, text with escapes is too: the body decides first.
    let writes: Vec<_> = (0..3)
        .map(|n| json!({ "$type": "com.atproto.repo.applyWrites#create", "collection": "com.example.thing", "rkey": format!("k{n}"), "value": record(300_000) }))
        .collect();
    alice
        .call("com.atproto.repo.applyWrites", json!({ "repo": alice.did, "writes": writes }))
        .await
        .ok();
    assert_eq!(alice.repo().await.records.len(), 4);
}
