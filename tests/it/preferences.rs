//! `app.bsky.actor.getPreferences` and `putPreferences`.

use cairn_tests::TestPds;
use serde_json::{Value, json};

const GET: &str = "app.bsky.actor.getPreferences";
const PUT: &str = "app.bsky.actor.putPreferences";

fn adult() -> Value {
    json!({ "$type": "app.bsky.actor.defs#adultContentPref", "enabled": false })
}

fn personal() -> Value {
    json!({ "$type": "app.bsky.actor.defs#personalDetailsPref", "birthDate": "2012-05-01T00:00:00.000Z" })
}

#[tokio::test]
async fn preferences_are_replaced_as_a_whole() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    assert_eq!(alice.query(GET, &[]).await.ok(), json!({ "preferences": [] }));
    alice.call(PUT, json!({ "preferences": [adult(), { "$type": "app.bsky.actor.defs#threadViewPref", "sort": "oldest" }] })).await.ok();
    alice.call(PUT, json!({ "preferences": [adult()] })).await.ok();
    assert_eq!(alice.query(GET, &[]).await.ok(), json!({ "preferences": [adult()] }));
    let bob = pds.account("bobby").await;
    assert_eq!(bob.query(GET, &[]).await.ok(), json!({ "preferences": [] }));
}

#[tokio::test]
async fn the_birth_date_is_for_the_owner_and_the_age_for_their_apps() {
    let pds = TestPds::start().await;
    pds.world.clock().set("2026-11-23T10:00:00Z".parse().unwrap());
    let alice = pds.account("alice").await;
    alice.call(PUT, json!({ "preferences": [adult(), personal()] })).await.ok();
    let age = json!({ "$type": "app.bsky.actor.defs#declaredAgePref", "isOverAge13": true, "isOverAge16": false, "isOverAge18": false });
    assert_eq!(
        alice.query(GET, &[]).await.ok(),
        json!({ "preferences": [adult(), personal(), age] })
    );

    let made =
        alice.call("com.atproto.server.createAppPassword", json!({ "name": "app" })).await.ok();
    let app = alice.sign_in(&pds, made["password"].as_str().unwrap()).await;
    let seen = app.query(GET, &[]).await.ok();
    assert_eq!(seen, json!({ "preferences": [adult(), age] }));
    assert_eq!(
        app.call(PUT, json!({ "preferences": [personal()] })).await,
        (400, "InvalidRequest")
    );
    // What an app puts back does not touch what it did not see.
    app.call(PUT, json!({ "preferences": seen["preferences"] })).await.ok();
    let kept = alice.query(GET, &[]).await.ok();
    assert!(kept["preferences"].as_array().unwrap().contains(&personal()), "{kept}");
    assert_eq!(kept["preferences"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn strange_preferences_are_refused() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for preferences in [
        json!([{ "enabled": true }]),
        json!([{ "$type": "com.example.pref" }]),
        json!([{ "$type": "app.bskyx.pref" }]),
        json!([{ "$type": 5 }]),
        json!([{ "$type": "app.bsky.actor.defs#x", "y": 1.5 }]),
        json!(["text"]),
        json!("text"),
        json!((0..1_001).map(|_| adult()).collect::<Vec<_>>()),
    ] {
        assert_eq!(
            alice.call(PUT, json!({ "preferences": preferences })).await,
            (400, "InvalidRequest"),
            "{preferences}"
        );
    }
    assert_eq!(pds.anyone.query(GET, &[]).await, (401, "AuthMissing"));
}
