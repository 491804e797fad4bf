//! Records of collections that the table does not know.

use cairn_tests::{TestAccount, TestPds, World};
use serde_json::{Value, json};

use super::{COLLECTION, MINUTE, Scene, lexicon, publish, record_type, thing, write};

const THING: &str = "com.example.lex.thing";

/// Writes until the server has found the lexicon, which it does behind the writer's back.
async fn until_valid(account: &TestAccount, collection: &str, name: &str) {
    while write(account, collection, None, name).await.ok()["validationStatus"] != "valid" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_demand_for_validation_waits_for_the_lexicon() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    let written = write(&scene.alice, THING, Some(true), "short").await.ok();
    assert_eq!(written["validationStatus"], "valid");
    let refused = write(&scene.alice, THING, Some(true), "too long").await;
    assert_eq!(refused, (400, "InvalidRequest"));
    assert_eq!(
        refused.message(),
        format!("Invalid {THING} record: record/name must not be longer than 5 bytes")
    );
}

#[tokio::test]
async fn a_demand_that_cannot_be_met_names_the_lexicon() {
    let scene = Scene::new().await;
    let refused = write(&scene.alice, THING, Some(true), "short").await;
    assert_eq!(refused, (400, "InvalidRequest"));
    let start = format!("Unknown lexicon type: {THING}: there is no record at://");
    assert!(refused.message().starts_with(&start), "{}", refused.message());
    // A lexicon of something else than a record serves no record.
    publish(&scene.author, lexicon("com.example.lex.ask", json!({ "main": { "type": "query" } })))
        .await;
    let refused = write(&scene.alice, "com.example.lex.ask", Some(true), "short").await;
    assert!(
        refused.message().ends_with("it is not the lexicon of a record"),
        "{}",
        refused.message()
    );
    let asked = write(&scene.alice, "com.example.lex.ask", None, "too long").await.ok();
    assert_eq!(asked["validationStatus"], "unknown");
}

#[tokio::test]
async fn without_a_demand_the_first_writes_do_not_wait() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    let first = write(&scene.alice, THING, None, "far too long").await.ok();
    assert_eq!(first["validationStatus"], "unknown");
    until_valid(&scene.alice, THING, "short").await;
    assert_eq!(write(&scene.alice, THING, None, "far too long").await, (400, "InvalidRequest"));
    let off = write(&scene.alice, THING, Some(false), "far too long").await.ok();
    assert!(off["validationStatus"].is_null());
}

#[tokio::test]
async fn nothing_is_looked_up_for_known_records_or_without_validation() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    scene.alice.post("hello").await;
    write(&scene.alice, THING, Some(false), "far too long").await.ok();
    scene.alice.delete(THING, "self").await.ok();
    assert_eq!(scene.world.lexicon_authority_lookups(), 0);
}

#[tokio::test]
async fn all_writing_methods_use_published_lexicons() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    let did = &scene.alice.did;
    let put = |name: &str| {
        let input = json!({ "repo": did, "collection": THING, "rkey": "self", "validate": true, "record": { "name": name } });
        scene.alice.call("com.atproto.repo.putRecord", input)
    };
    assert_eq!(put("short").await.ok()["validationStatus"], "valid");
    assert_eq!(put("too long").await, (400, "InvalidRequest"));
    let apply = |names: &[&str]| {
        let writes: Vec<Value> = names
            .iter()
            .map(|name| json!({ "$type": "com.atproto.repo.applyWrites#create", "collection": THING, "value": { "name": name } }))
            .collect();
        let input = json!({ "repo": did, "validate": true, "writes": writes });
        scene.alice.call("com.atproto.repo.applyWrites", input)
    };
    let applied = apply(&["one", "two"]).await.ok();
    assert_eq!(applied["results"][1]["validationStatus"], "valid");
    let refused = apply(&["one", "too long"]).await;
    assert!(refused.message().contains("writes/1/record/name"), "{}", refused.message());
    assert_eq!(scene.world.lexicon_authority_lookups(), 1);
}

#[tokio::test]
async fn references_are_followed_to_other_authorities() {
    let scene = Scene::new().await;
    let other = scene.publisher.account("partner").await;
    scene.world.set_lexicon_authority("parts.example.com", &other.did);
    let size = json!({ "size": { "type": "object", "required": ["width"], "properties": {
        "width": { "type": "integer" }, "next": { "type": "ref", "ref": "com.example.lex.box" } } } });
    publish(&other, lexicon("com.example.parts.defs", size)).await;
    let parts = json!({
        "name": { "type": "string" },
        "size": { "type": "ref", "ref": "com.example.parts.defs#size" },
        "of": { "type": "ref", "ref": "com.atproto.repo.strongRef" },
    });
    publish(&scene.author, record_type("com.example.lex.box", parts)).await;
    let create = async |record: Value| {
        let input = json!({ "repo": scene.alice.did, "collection": "com.example.lex.box", "validate": true, "record": record });
        scene.alice.call("com.atproto.repo.createRecord", input).await
    };
    create(json!({ "name": "a", "size": { "width": 1, "next": { "name": "b" } } })).await.ok();
    let refused =
        create(json!({ "name": "a", "size": { "width": 1, "next": { "size": {} } } })).await;
    assert!(
        refused.message().contains("record/size/next/name is required"),
        "{}",
        refused.message()
    );
    let refused = create(json!({ "name": "a", "of": { "uri": "x", "cid": "y" } })).await;
    assert!(refused.message().contains("record/of/uri"), "{}", refused.message());
    // The table's own definitions are never looked up.
    assert_eq!(scene.world.lexicon_authority_lookups(), 2);
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_fails_where_it_is_used() {
    let scene = Scene::new().await;
    let parts = json!({ "name": { "type": "string" }, "extra": { "type": "ref", "ref": "com.example.gone.defs#extra" } });
    publish(&scene.author, record_type(THING, parts)).await;
    let create = async |validate: Option<bool>, record: Value| {
        let mut input = json!({ "repo": scene.alice.did, "collection": THING, "record": record });
        if let Some(validate) = validate {
            input["validate"] = json!(validate);
        }
        scene.alice.call("com.atproto.repo.createRecord", input).await
    };
    assert_eq!(create(Some(true), json!({ "name": "a" })).await.ok()["validationStatus"], "valid");
    let with_extra = json!({ "name": "a", "extra": { "b": 1 } });
    let refused = create(Some(true), with_extra.clone()).await;
    assert!(
        refused.message().contains("com.example.gone.defs#extra is not known"),
        "{}",
        refused.message()
    );
    assert_eq!(create(None, with_extra).await.ok()["validationStatus"], "unknown");
}

#[tokio::test]
async fn chains_and_crowds_of_references_end() {
    let scene = Scene::new().await;
    // Each one refers to the next: the last is too far away.
    for n in 0..10 {
        let next = format!("com.example.lex.chain{}", n + 1);
        let parts = json!({ "name": { "type": "string" }, "next": { "type": "ref", "ref": next } });
        publish(&scene.author, record_type(&format!("com.example.lex.chain{n}"), parts)).await;
    }
    write(&scene.alice, "com.example.lex.chain0", Some(true), "a").await.ok();
    assert_eq!(scene.world.lexicon_authority_lookups(), 7);
    // One refers to very many.
    let crowd: Vec<String> = (0..60).map(|n| format!("com.example.lex.crowd{n}")).collect();
    let parts = json!({ "name": { "type": "string" }, "of": { "type": "union", "refs": crowd } });
    publish(&scene.author, record_type("com.example.lex.crowd", parts)).await;
    write(&scene.alice, "com.example.lex.crowd", Some(true), "a").await.ok();
    assert_eq!(scene.world.lexicon_authority_lookups(), 7 + 32);
}

#[tokio::test]
async fn what_was_found_validates_after_a_restart() {
    let mut scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    write(&scene.alice, THING, Some(true), "short").await.ok();
    scene.publisher.stop().await;
    scene.pds.restart().await;
    assert_eq!(write(&scene.alice, THING, None, "short").await.ok()["validationStatus"], "valid");
    assert_eq!(write(&scene.alice, THING, None, "too long").await, (400, "InvalidRequest"));
}

#[tokio::test]
async fn a_changed_lexicon_changes_what_is_valid() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    until_valid(&scene.alice, THING, "short").await;
    assert_eq!(write(&scene.alice, THING, None, "longer").await, (400, "InvalidRequest"));
    let longer = record_type(THING, json!({ "name": { "type": "string", "maxLength": 10 } }));
    scene.author.put(COLLECTION, THING, longer).await.ok();
    scene.world.clock().advance(MINUTE * 6);
    while write(&scene.alice, THING, None, "longer").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_flood_of_unknown_collections_is_not_a_flood_of_look_ups() {
    let world = World::start().await;
    let pds: TestPds = world.pds_with(|config| config.rate_limits.enabled = true).await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bob").await);
    for n in 0..40 {
        let collection = format!("com.example.n{n}.thing");
        let written = write(&alice, &collection, None, "x").await.ok();
        assert_eq!(written["validationStatus"], "unknown");
    }
    let demand = write(&alice, "com.example.more.thing", Some(true), "x").await;
    assert_eq!(demand, (429, "RateLimitExceeded"));
    assert!(world.lexicon_authority_lookups() <= 30, "{}", world.lexicon_authority_lookups());
    // Others are not held up by it.
    assert_eq!(
        write(&bob, "com.example.more.thing", Some(true), "x").await,
        (400, "InvalidRequest")
    );
}
