//! Writing records: `createRecord`, `putRecord`, `deleteRecord`, `applyWrites`.

use std::collections::BTreeSet;

use cairn_tests::{TestPds, post, rkey};
use serde_json::{Value, json};

const CREATE: &str = "com.atproto.repo.createRecord";
const PUT: &str = "com.atproto.repo.putRecord";
const DELETE: &str = "com.atproto.repo.deleteRecord";
const APPLY: &str = "com.atproto.repo.applyWrites";

#[tokio::test]
async fn a_post_is_written_and_followed() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let created = alice
        .create("app.bsky.feed.post", json!({ "text": "hi", "createdAt": "2026-11-23T10:00:00Z" }))
        .await
        .ok();
    assert_eq!(created["validationStatus"], "valid");
    let head = alice.head().await;
    assert_eq!(created["commit"], json!({ "cid": head.cid, "rev": head.rev }));
    let record = alice.record("app.bsky.feed.post", &rkey(&created)).await.ok();
    assert_eq!(record["value"]["$type"], "app.bsky.feed.post");

    let mut follower = pds.follower().await;
    follower.until(&alice.did, &head.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn a_stale_swap_commit_is_refused_and_changes_nothing() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let stale = alice.head().await;
    alice.post("first").await;
    let before = alice.head().await;
    for (method, extra) in [
        (CREATE, json!({ "record": post("second") })),
        (PUT, json!({ "record": post("second"), "rkey": "3jzfcijpj2z2a" })),
        (
            APPLY,
            json!({ "writes": [{ "$type": "com.atproto.repo.applyWrites#create", "collection": "app.bsky.feed.post", "value": post("second") }] }),
        ),
    ] {
        let mut input = json!({ "repo": alice.did, "collection": "app.bsky.feed.post", "swapCommit": stale.cid });
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(alice.call(method, input.clone()).await, (400, "InvalidSwap"), "{method}");
        assert_eq!(alice.head().await, before);
        input["swapCommit"] = json!(alice.head().await.cid);
        input["swapCommit"] = json!("not a cid");
        assert_eq!(alice.call(method, input).await, (400, "InvalidRequest"), "{method}");
    }
    let input = json!({ "repo": alice.did, "collection": "app.bsky.feed.post", "record": post("second"), "swapCommit": before.cid });
    alice.call(CREATE, input).await.ok();
}

#[tokio::test]
async fn a_key_is_created_once() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let input = json!({ "repo": alice.did, "collection": "com.example.thing", "rkey": "one", "record": { "n": 1 } });
    alice.call(CREATE, input.clone()).await.ok();
    assert_eq!(alice.call(CREATE, input).await, (400, "InvalidRequest"));
    assert_eq!(alice.repo().await.records.len(), 1);
}

#[tokio::test]
async fn swap_record_says_what_must_be_there() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let put = |record: Value, swap: Value| {
        let alice = alice.clone();
        let input = json!({ "repo": alice.did, "collection": "com.example.thing", "rkey": "one", "record": record, "swapRecord": swap });
        async move { alice.call(PUT, input).await }
    };
    let other = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a";
    assert_eq!(put(json!({ "n": 1 }), json!(other)).await, (400, "InvalidSwap"));
    let first = put(json!({ "n": 1 }), Value::Null).await.ok();
    assert_eq!(put(json!({ "n": 2 }), Value::Null).await, (400, "InvalidSwap"));
    assert_eq!(put(json!({ "n": 2 }), json!(other)).await, (400, "InvalidSwap"));
    let second = put(json!({ "n": 2 }), first["cid"].clone()).await.ok();

    let delete = |swap: Value| {
        let alice = alice.clone();
        let input = json!({ "repo": alice.did, "collection": "com.example.thing", "rkey": "one", "swapRecord": swap });
        async move { alice.call(DELETE, input).await }
    };
    assert_eq!(delete(first["cid"].clone()).await, (400, "InvalidSwap"));
    assert!(delete(second["cid"].clone()).await.ok()["commit"].is_object());
}

#[tokio::test]
async fn a_put_that_changes_nothing_makes_no_commit() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let first = alice.put("com.example.thing", "one", json!({ "n": 1 })).await.ok();
    let head = alice.head().await;
    let again = alice.put("com.example.thing", "one", json!({ "n": 1 })).await.ok();
    assert_eq!(again["cid"], first["cid"]);
    assert!(again.get("commit").is_none());
    assert_eq!(alice.head().await, head);
}

#[tokio::test]
async fn deleting_what_is_not_there_is_no_error_and_no_commit() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let head = alice.head().await;
    assert_eq!(alice.delete("com.example.thing", "one").await.ok(), json!({}));
    assert_eq!(alice.head().await, head);
}

#[tokio::test]
async fn the_last_record_leaves_an_empty_tree() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut follower = pds.follower().await;
    let keys: Vec<String> = futures_util::future::join_all((0..20).map(|n| {
        let alice = alice.clone();
        async move { alice.post(&format!("post {n}")).await }
    }))
    .await;
    for key in keys {
        alice.delete("app.bsky.feed.post", &key).await.ok();
    }
    assert!(alice.repo().await.records.is_empty());
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn known_records_are_validated_as_the_caller_wishes() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let create = |collection: &'static str, validate: Value, record: Value| {
        let alice = alice.clone();
        let input = json!({ "repo": alice.did, "collection": collection, "validate": validate, "record": record });
        async move { alice.call(CREATE, input).await }
    };
    let bad = json!({ "text": 5 });
    let reply = create("app.bsky.feed.post", Value::Null, bad.clone()).await;
    assert_eq!(reply.error(), (400, "InvalidRequest".to_owned()));
    assert!(
        reply.message().starts_with("Invalid app.bsky.feed.post record: record"),
        "{}",
        reply.message()
    );
    assert_eq!(
        create("app.bsky.feed.post", json!(true), bad.clone()).await,
        (400, "InvalidRequest")
    );
    assert!(
        create("app.bsky.feed.post", json!(false), bad)
            .await
            .ok()
            .get("validationStatus")
            .is_none()
    );

    assert_eq!(
        create("com.example.thing", json!(true), json!({ "n": 1 })).await,
        (400, "InvalidRequest")
    );
    assert_eq!(
        create("com.example.thing", Value::Null, json!({ "n": 1 })).await.ok()["validationStatus"],
        "unknown"
    );
    assert_eq!(
        create("app.bsky.feed.post", json!(true), post("x")).await.ok()["validationStatus"],
        "valid"
    );

    // A record that is not what its collection says.
    assert_eq!(
        create("app.bsky.feed.post", json!(false), json!({ "$type": "app.bsky.feed.like" })).await,
        (400, "InvalidRequest")
    );
    // A singleton under a key that the server would choose.
    assert_eq!(
        create("app.bsky.actor.profile", Value::Null, json!({})).await,
        (400, "InvalidRequest")
    );
    assert_eq!(alice.put("app.bsky.feed.post", "self", post("x")).await, (400, "InvalidRequest"));
}

#[tokio::test]
async fn a_second_like_of_the_same_post_takes_the_place_of_the_first() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    let target = bob.create("app.bsky.feed.post", post("like me")).await.ok();
    let like = json!({
        "subject": { "uri": target["uri"], "cid": target["cid"] }, "createdAt": "2026-11-23T10:00:00Z",
    });
    let follow = json!({ "subject": bob.did, "createdAt": "2026-11-23T10:00:00Z" });
    for (collection, record) in [
        ("app.bsky.feed.like", &like),
        ("app.bsky.feed.repost", &like),
        ("app.bsky.graph.follow", &follow),
        ("app.bsky.graph.block", &follow),
    ] {
        let first = rkey(&alice.create(collection, record.clone()).await.ok());
        let second = rkey(&alice.create(collection, record.clone()).await.ok());
        assert_eq!(alice.record(collection, &first).await, (400, "RecordNotFound"), "{collection}");
        alice.record(collection, &second).await.ok();
    }
    assert_eq!(alice.repo().await.records.len(), 4);
    // Not if the caller knows better.
    let input = json!({ "repo": alice.did, "collection": "app.bsky.feed.like", "record": like, "validate": false });
    alice.call(CREATE, input).await.ok();
    assert_eq!(alice.repo().await.records.len(), 5);

    let mut follower = pds.follower().await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn a_batch_is_one_commit_or_nothing() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let create = |rkey: &str, n: i64| json!({ "$type": "com.atproto.repo.applyWrites#create", "collection": "com.example.thing", "rkey": rkey, "value": { "n": n } });
    let update = |rkey: &str, n: i64| json!({ "$type": "com.atproto.repo.applyWrites#update", "collection": "com.example.thing", "rkey": rkey, "value": { "n": n } });
    let delete = |rkey: &str| json!({ "$type": "com.atproto.repo.applyWrites#delete", "collection": "com.example.thing", "rkey": rkey });
    let apply = |writes: Vec<Value>| {
        let alice = alice.clone();
        let input = json!({ "repo": alice.did, "writes": writes });
        async move { alice.call(APPLY, input).await }
    };
    let before = alice.head().await;
    let done = apply(vec![create("a", 1), create("b", 2), create("c", 3)]).await.ok();
    assert_eq!(done["results"][2]["$type"], "com.atproto.repo.applyWrites#createResult");
    assert_eq!(done["results"][2]["validationStatus"], "unknown");
    let head = alice.head().await;
    assert_ne!(head, before);
    assert_eq!(done["commit"]["cid"], head.cid);

    for bad in [
        vec![create("d", 4), create("a", 1)],
        vec![create("d", 4), update("nope", 1)],
        vec![create("d", 4), delete("nope")],
        vec![
            create("d", 4),
            json!({ "$type": "com.atproto.repo.applyWrites#create", "collection": "app.bsky.feed.post", "value": {} }),
        ],
        vec![
            create("d", 4),
            json!({ "$type": "com.atproto.repo.applyWrites#update", "collection": "com.example.thing", "value": {} }),
        ],
        vec![
            create("d", 4),
            json!({ "$type": "com.atproto.repo.applyWrites#create", "collection": "com.example.thing" }),
        ],
        vec![
            create("d", 4),
            json!({ "$type": "com.example.other", "collection": "com.example.thing" }),
        ],
        vec![create("d", 4), json!(7)],
        (0..201).map(|n| create(&format!("n{n}"), n)).collect(),
    ] {
        assert_eq!(apply(bad).await, (400, "InvalidRequest"));
        assert_eq!(alice.head().await, head);
    }

    assert_eq!(apply(Vec::new()).await.ok()["results"], json!([]));
    let mixed = apply(vec![update("a", 10), delete("b"), create("d", 4)]).await.ok();
    assert_eq!(
        mixed["results"][1],
        json!({ "$type": "com.atproto.repo.applyWrites#deleteResult" })
    );
    let full = apply((0..200).map(|n| create(&format!("n{n}"), n)).collect()).await.ok();
    assert_eq!(full["results"].as_array().unwrap().len(), 200);
    assert_eq!(alice.repo().await.records.len(), 203);

    let mut follower = pds.follower().await;
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}

#[tokio::test]
async fn writers_at_the_same_time_each_get_a_commit_of_their_own() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    let writes = (0..60).map(|n| {
        let author = if n % 3 == 0 { bob.clone() } else { alice.clone() };
        async move { author.create("app.bsky.feed.post", post(&format!("post {n}"))).await.ok() }
    });
    let written = futures_util::future::join_all(writes).await;
    let revs: BTreeSet<&str> =
        written.iter().map(|one| one["commit"]["rev"].as_str().unwrap()).collect();
    let uris: BTreeSet<&str> = written.iter().map(|one| one["uri"].as_str().unwrap()).collect();
    assert_eq!(uris.len(), 60);
    assert!(revs.len() >= 40, "alice alone has 40 commits: {}", revs.len());
    let mut follower = pds.follower().await;
    for author in [&alice, &bob] {
        follower.until(&author.did, &author.head().await.rev).await;
        follower.assert_level_with(&author.did, &author.repo().await);
    }
    assert_eq!(alice.repo().await.records.len() + bob.repo().await.records.len(), 60);
}

#[tokio::test]
async fn equal_records_live_and_die_apart() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for key in ["a", "b", "c"] {
        alice.put("com.example.thing", key, json!({ "same": true })).await.ok();
    }
    alice.delete("com.example.thing", "b").await.ok();
    alice.record("com.example.thing", "a").await.ok();
    let records = alice.repo().await.records;
    assert_eq!(records.keys().collect::<Vec<_>>(), ["com.example.thing/a", "com.example.thing/c"]);
}

#[tokio::test]
async fn nobody_writes_for_somebody_else() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    for repo in [bob.did.as_str(), "bobby.test", "nobody.test"] {
        let input =
            json!({ "repo": repo, "collection": "app.bsky.feed.post", "record": post("as bob") });
        assert_eq!(
            alice.call(CREATE, input.clone()).await,
            (401, "AuthenticationRequired"),
            "{repo}"
        );
        assert_eq!(pds.anyone.call(CREATE, input).await, (401, "AuthMissing"), "{repo}");
    }
    let own = json!({ "repo": "alice.test", "collection": "app.bsky.feed.post", "record": post("as alice") });
    alice.call(CREATE, own).await.ok();
}

#[tokio::test]
async fn an_account_writes_no_more_than_relays_take() {
    let pds = TestPds::start_with(|config| {
        config.rate_limits.enabled = true;
        config.write_limits =
            Some(cairn_server::config::WriteLimits { per_hour: 10, per_day: 100 });
    })
    .await;
    let alice = pds.account("alice").await;
    for n in 0..3 {
        alice.put("com.example.thing", "one", json!({ "n": n })).await.ok();
    }
    alice.create("com.example.thing", json!({})).await.ok();
    alice.delete("com.example.thing", "one").await.ok();
    let refused = alice.create("com.example.thing", json!({})).await;
    assert_eq!(refused.error(), (429, "RateLimitExceeded".to_owned()));
    pds.world.clock().advance(std::time::Duration::from_secs(3_601));
    let alice = alice.sign_in(&pds, cairn_tests::PASSWORD).await;
    alice.create("com.example.thing", json!({})).await.ok();
}

#[tokio::test]
async fn deep_trees_split_and_merge_under_the_eyes_of_a_consumer() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut follower = pds.follower().await;
    // Keys of layers 6 and 7, found by trying, come and go between ordinary ones.
    let high = ["k14400", "k21945", "k36732"];
    for n in 0..60 {
        alice.put("com.example.thing", &format!("k{n}"), json!({ "n": n })).await.ok();
    }
    for round in 0..2 {
        for key in high {
            alice.put("com.example.thing", key, json!({ "round": round })).await.ok();
        }
        for key in high {
            alice.delete("com.example.thing", key).await.ok();
        }
    }
    follower.until(&alice.did, &alice.head().await.rev).await;
    follower.assert_level_with(&alice.did, &alice.repo().await);
}
