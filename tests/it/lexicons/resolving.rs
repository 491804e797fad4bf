//! `com.atproto.lexicon.resolveLexicon`, and the cache behind it.

use futures_util::future::join_all;
use serde_json::{Value, json};

use cairn_tests::{TestPds, World};

use super::{COLLECTION, DAY, MINUTE, Scene, lexicon, publish, resolve, thing, write};

const THING: &str = "com.example.lex.thing";

#[tokio::test]
async fn a_lexicon_is_found_on_another_host() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    let found = scene.resolve(THING).await.ok();
    let record = scene.author.record(COLLECTION, THING).await.ok();
    assert_eq!(found["uri"], format!("at://{}/{COLLECTION}/{THING}", scene.author.did));
    assert_eq!((&found["cid"], &found["schema"]), (&record["cid"], &record["value"]));
    // Permission sets are lexicons like any other.
    let set = json!({ "main": { "type": "permission-set", "title": "All", "permissions": [
        { "type": "permission", "resource": "repo", "collection": [THING] } ] } });
    publish(&scene.author, lexicon("com.example.lex.all", set.clone())).await;
    assert_eq!(scene.resolve("com.example.lex.all").await.ok()["schema"]["defs"], set);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_the_answer_says_why() {
    let scene = Scene::new().await;
    let not_found = async |nsid: &str| {
        let reply = scene.resolve(nsid).await;
        assert_eq!(reply, (400, "LexiconNotFound"), "{nsid}: {}", reply.text());
        reply.message()
    };
    // No record in the DNS; neither a parent nor a child domain counts.
    publish(&scene.author, thing("com.example.thing")).await;
    publish(&scene.author, thing("com.example.lex.deep.thing")).await;
    assert!(not_found("com.example.thing").await.starts_with("_lexicon.example.com has no record"));
    assert!(
        not_found("com.example.lex.deep.thing").await.contains("_lexicon.deep.lex.example.com")
    );
    // The DNS names an account that has no such record.
    assert!(not_found(THING).await.starts_with("there is no record at://"));
    // Or one that nobody has.
    scene.world.set_lexicon_authority(
        "gone.example.com",
        &"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap(),
    );
    assert!(not_found("com.example.gone.thing").await.contains("could not be resolved"));
    assert_eq!(scene.resolve("no nsid").await, (400, "InvalidRequest"));
}

#[tokio::test]
async fn records_that_are_not_lexicons_of_their_key_are_refused() {
    let scene = Scene::new().await;
    let put = async |nsid: &str, record: Value| {
        let input = json!({ "repo": scene.author.did, "collection": COLLECTION, "rkey": nsid,
                            "validate": false, "record": record });
        scene.author.call("com.atproto.repo.putRecord", input).await.ok();
        let reply = scene.resolve(nsid).await;
        assert_eq!(reply, (400, "LexiconNotFound"), "{}", reply.text());
        reply.message()
    };
    assert_eq!(put(THING, thing("com.example.lex.other")).await, "the record's id is not its key");
    let second = json!({ "$type": COLLECTION, "lexicon": 2, "id": "com.example.lex.v2", "defs": { "main": { "type": "token" } } });
    assert!(put("com.example.lex.v2", second).await.contains("lexicon version 2 is not 1"));
    let odd =
        lexicon("com.example.lex.odd", json!({ "main": { "type": "record", "key": "some" } }));
    assert!(put("com.example.lex.odd", odd).await.contains("is not a lexicon"));
    let mut large = thing("com.example.lex.large");
    large["description"] = json!("x".repeat(140 * 1024));
    assert!(put("com.example.lex.large", large).await.contains("more than 131072"));
}

#[tokio::test]
async fn many_who_ask_at_once_cause_one_look_up() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    let all = join_all((0..20).map(|_| scene.resolve(THING))).await;
    assert!(all.iter().all(|reply| reply.status == 200));
    assert_eq!(scene.world.lexicon_authority_lookups(), 1);
}

#[tokio::test]
async fn strangers_who_fill_their_queue_hold_up_no_records() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    scene.world.silence_lexicon_authority("slow.example.com");
    let mut strangers = tokio::task::JoinSet::new();
    for number in 0..80 {
        let anyone = scene.pds.anyone.clone();
        strangers
            .spawn(async move { resolve(&anyone, &format!("com.example.slow.t{number}")).await });
    }
    // Those that are waited for take ten seconds; the first to be answered found the queue full.
    let refused = strangers.join_next().await.unwrap().unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    write(&scene.alice, THING, Some(true), "short").await.ok();
    assert_eq!(write(&scene.alice, THING, Some(true), "too long").await, (400, "InvalidRequest"));
}

#[tokio::test]
async fn what_was_not_found_is_remembered_for_a_minute() {
    let scene = Scene::new().await;
    for _ in 0..3 {
        assert_eq!(scene.resolve(THING).await, (400, "LexiconNotFound"));
    }
    assert_eq!(scene.world.lexicon_authority_lookups(), 1);
    publish(&scene.author, thing(THING)).await;
    scene.world.clock().advance(MINUTE * 2);
    scene.resolve(THING).await.ok();
}

#[tokio::test]
async fn a_change_is_seen_after_a_while_and_without_waiting() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    scene.resolve(THING).await.ok();
    let mut changed = thing(THING);
    changed["description"] = json!("changed");
    publish(&scene.author, changed.clone()).await;
    scene.world.clock().advance(MINUTE * 4);
    assert!(scene.resolve(THING).await.ok()["schema"]["description"].is_null());
    assert_eq!(scene.world.lexicon_authority_lookups(), 1);
    scene.world.clock().advance(MINUTE * 2);
    // The old one is served while the new one is looked for.
    assert!(scene.resolve(THING).await.ok()["schema"]["description"].is_null());
    while scene.resolve(THING).await.ok()["schema"] != changed {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.world.lexicon_authority_lookups(), 2);
}

#[tokio::test]
async fn after_a_day_the_look_up_is_waited_for() {
    let scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    scene.resolve(THING).await.ok();
    let mut changed = thing(THING);
    changed["description"] = json!("changed");
    publish(&scene.author, changed.clone()).await;
    scene.world.clock().advance(DAY + MINUTE);
    assert_eq!(scene.resolve(THING).await.ok()["schema"], changed);
}

#[tokio::test]
async fn what_was_found_outlives_restarts_and_outages() {
    let mut scene = Scene::new().await;
    publish(&scene.author, thing(THING)).await;
    let found = scene.resolve(THING).await.ok();
    scene.publisher.stop().await;
    scene.pds.restart().await;
    assert_eq!(scene.resolve(THING).await.ok(), found);
    assert_eq!(scene.world.lexicon_authority_lookups(), 1);
    // Old as it is, it is better than none.
    scene.world.remove_lexicon_authority("lex.example.com");
    scene.world.clock().advance(DAY * 30);
    assert_eq!(scene.resolve(THING).await.ok(), found);
    assert_eq!(scene.world.lexicon_authority_lookups(), 2);
    scene.pds.restart().await;
    assert_eq!(scene.resolve(THING).await.ok(), found);
}

#[tokio::test]
async fn lexicons_of_own_accounts_need_no_network() {
    let world = World::start().await;
    let pds = world.pds().await;
    let author = pds.account("author").await;
    world.set_lexicon_authority("lex.example.com", &author.did);
    publish(&author, thing(THING)).await;
    world.stop_directory().await;
    resolve(&pds.anyone, THING).await.ok();

    // What moderation takes down is not served from the cache either.
    let takedown = json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": author.did },
        "takedown": { "applied": true },
    });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    world.clock().advance(DAY + MINUTE);
    let reply = resolve(&pds.anyone, THING).await;
    assert_eq!(reply, (400, "LexiconNotFound"));
    assert!(reply.message().ends_with("has been taken down"), "{}", reply.message());
    world.clock().advance(MINUTE * 2);
    assert_eq!(resolve(&pds.anyone, THING).await, (400, "LexiconNotFound"));
}

#[tokio::test]
async fn an_authority_that_is_set_stands_for_all_domains() {
    let world = World::start().await;
    let publisher = world.pds().await;
    let author = publisher.account("author").await;
    let did = author.did.clone();
    let pds = world.pds_with(|config| config.lexicon_authority = Some(did)).await;
    publish(&author, thing("org.anybody.thing")).await;
    resolve(&pds.anyone, "org.anybody.thing").await.ok();
    assert_eq!(world.lexicon_authority_lookups(), 0);
}

#[tokio::test]
async fn nobody_may_ask_too_often() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = true).await;
    for n in 0..100 {
        let reply = resolve(&pds.anyone, &format!("com.example.n{n}.thing")).await;
        assert_eq!(reply, (400, "LexiconNotFound"));
    }
    assert_eq!(resolve(&pds.anyone, "com.example.last").await, (429, "RateLimitExceeded"));
}
