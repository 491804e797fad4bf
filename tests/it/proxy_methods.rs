//! Methods that are passed on in ways of their own.

use cairn_tests::{StandIn, TestPds, World, refusal};
use reqwest::Method;
use serde_json::json;

const REPORT: &str = "com.atproto.moderation.createReport";
const FEED: &str = "app.bsky.feed.getFeed";
const GET_RECORD: &str = "com.atproto.repo.getRecord";

async fn with_services() -> (TestPds, StandIn, StandIn) {
    let world = World::start().await;
    let (appview, reports) = (StandIn::start(&world).await, StandIn::start(&world).await);
    let pds = world
        .pds_with(|config| {
            config.appview = Some(appview.target());
            config.reports = Some(reports.target());
        })
        .await;
    (pds, appview, reports)
}

#[tokio::test]
async fn reports_go_to_the_service_for_reports() {
    let (pds, appview, reports) = with_services().await;
    let alice = pds.account("alice").await;
    let report = json!({ "reasonType": "com.atproto.moderation.defs#reasonSpam", "subject": { "did": "did:web:x.test" } });
    alice.call(REPORT, report.clone()).await.ok();
    let seen = reports.last();
    assert_eq!(seen.signer, Ok(alice.did.clone()));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&seen.body).unwrap(), report);

    let named = alice
        .request(Method::POST, REPORT)
        .header("atproto-proxy", format!("{}#atproto_labeler", appview.did()))
        .json(&report);
    alice.send(named).await.ok();
    assert_eq!(appview.last().nsid, REPORT);
    assert_eq!(alice.call(REPORT, json!("text")).await.status, 200, "the service judges it");
    assert_eq!(
        alice.upload(REPORT, "application/json", "{nonsense").await,
        (400, "InvalidRequest")
    );
    assert_eq!(pds.anyone.call(REPORT, report.clone()).await, (401, "AuthMissing"));

    // Who is taken down may appeal.
    let takedown = json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": alice.did },
        "takedown": { "applied": true },
    });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    let input = json!({ "identifier": alice.did, "password": cairn_tests::PASSWORD, "allowTakendown": true });
    let session = pds.anyone.call("com.atproto.server.createSession", input).await.ok();
    let alice = cairn_tests::TestAccount::from_session(&pds, &session);
    alice.call(REPORT, report).await.ok();
    assert_eq!(alice.query("app.bsky.feed.searchPosts", &[]).await, (400, "InvalidToken"));
}

#[tokio::test]
async fn a_feed_is_asked_for_with_a_token_for_its_generator() {
    let (pds, appview, _) = with_services().await;
    let alice = pds.account("alice").await;
    appview.on_json(
        GET_RECORD,
        None,
        json!({ "uri": "x", "value": { "did": "did:web:feeds.test" } }),
    );
    let feed = "at://did:web:maker.test/app.bsky.feed.generator/cats";
    alice.query(FEED, &[("feed", feed), ("limit", "3")]).await.ok();
    let [lookup, seen] = &appview.seen()[..] else { panic!("{:?}", appview.seen()) };
    assert_eq!(lookup.nsid, GET_RECORD);
    assert!(lookup.query.as_ref().unwrap().contains("repo=did%3Aweb%3Amaker.test"));
    assert_eq!(
        (seen.nsid.as_str(), seen.query.as_deref()),
        (
            FEED,
            Some("feed=at%3A%2F%2Fdid%3Aweb%3Amaker.test%2Fapp.bsky.feed.generator%2Fcats&limit=3")
        )
    );
    let claims = seen.claims();
    assert_eq!(
        (&claims["aud"], &claims["lxm"]),
        (&json!("did:web:feeds.test"), &json!("app.bsky.feed.getFeedSkeleton"))
    );

    // A feed of this server needs no look-up.
    let record = json!({ "$type": "app.bsky.feed.generator", "did": "did:web:own.test", "displayName": "Dogs", "createdAt": "2026-11-23T10:00:00.000Z" });
    alice.put("app.bsky.feed.generator", "dogs", record).await.ok();
    let feed = format!("at://{}/app.bsky.feed.generator/dogs", alice.handle);
    alice.query(FEED, &[("feed", &feed)]).await.ok();
    assert_eq!(appview.seen().len(), 3);
    assert_eq!(appview.last().claims()["aud"], "did:web:own.test");

    appview.on(GET_RECORD, |_| refusal(400, "RecordNotFound", "no"));
    let unknown = "at://did:web:maker.test/app.bsky.feed.generator/gone";
    assert_eq!(alice.query(FEED, &[("feed", unknown)]).await, (400, "UnknownFeed"));
    for bad in
        ["nonsense", "at://did:web:maker.test", "at://did:web:maker.test/app.bsky.feed.post/x"]
    {
        assert_eq!(alice.query(FEED, &[("feed", bad)]).await, (400, "InvalidRequest"), "{bad}");
    }
}

#[tokio::test]
async fn devices_register_with_the_service_that_they_name() {
    let (pds, appview, _) = with_services().await;
    let other = StandIn::start(&pds.world).await;
    let alice = pds.account("alice").await;
    for nsid in ["app.bsky.notification.registerPush", "app.bsky.notification.unregisterPush"] {
        for service in [&appview, &other] {
            let input = json!({ "serviceDid": service.did(), "token": "t", "platform": "web", "appId": "a" });
            alice.call(nsid, input.clone()).await.ok();
            let seen = service.last();
            assert_eq!((seen.nsid.as_str(), seen.signer), (nsid, Ok(alice.did.clone())));
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&seen.body).unwrap(), input);
        }
        let bad = json!({ "serviceDid": alice.did, "token": "t", "platform": "web", "appId": "a" });
        assert_eq!(alice.call(nsid, bad).await, (400, "InvalidRequest"));
        assert_eq!(alice.call(nsid, json!({ "token": "t" })).await, (400, "InvalidRequest"));
    }
}

#[tokio::test]
async fn records_of_other_hosts_are_asked_of_the_appview_in_nobodys_name() {
    let (pds, appview, _) = with_services().await;
    let alice = pds.account("alice").await;
    let rkey = alice.post("here").await;
    alice.record("app.bsky.feed.post", &rkey).await.ok();
    assert_eq!(alice.record("app.bsky.feed.post", "3aaaaaaaaaa22").await, (400, "RecordNotFound"));
    assert!(appview.seen().is_empty());

    let params = [("repo", "did:web:x.test"), ("collection", "app.bsky.feed.post"), ("rkey", "1")];
    let reply = alice.query(GET_RECORD, &params).await.ok();
    assert_eq!(reply["nsid"], GET_RECORD);
    let seen = appview.last();
    assert_eq!(seen.signer, Err("nobody".to_owned()));
    assert!(seen.query.unwrap().starts_with("repo=did%3Aweb%3Ax.test&"));
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    alice.record("app.bsky.feed.post", &rkey).await.ok();
    assert_eq!(appview.seen().len(), 2);

    let alone = pds.world.pds().await;
    assert_eq!(alone.anyone.query(GET_RECORD, &params).await, (400, "RepoNotFound"));
}

#[tokio::test]
async fn another_appview_has_preferences_of_its_own() {
    let (pds, appview, _) = with_services().await;
    let other = StandIn::start(&pds.world).await;
    let alice = pds.account("alice").await;
    let ask = async |service: &StandIn| {
        let header = format!("{}#bsky_appview", service.did());
        let request = alice.request(Method::GET, "app.bsky.actor.getPreferences");
        alice.send(request.header("atproto-proxy", header)).await.ok()
    };
    assert_eq!(ask(&appview).await, json!({ "preferences": [] }));
    assert_eq!(ask(&other).await["nsid"], "app.bsky.actor.getPreferences");
    assert_eq!((appview.seen().len(), other.seen().len()), (0, 1));
}
