//! Requests that other services answer: which, for whom, and with which headers.

use axum::Json;
use axum::response::IntoResponse;
use cairn_server::config::ServiceTarget;
use cairn_tests::{StandIn, TestAccount, TestPds, World, refusal};
use reqwest::Method;
use serde_json::{Value, json};

const UNKNOWN: &str = "app.bsky.feed.searchPosts";

async fn with_appview() -> (TestPds, StandIn) {
    let world = World::start().await;
    let appview = StandIn::start(&world).await;
    let pds = world.pds_with(|config| config.appview = Some(appview.target())).await;
    (pds, appview)
}

async fn app_password(pds: &TestPds, account: &TestAccount, privileged: bool) -> TestAccount {
    let input = json!({ "name": format!("app {privileged}"), "privileged": privileged });
    let made = account.call("com.atproto.server.createAppPassword", input).await.ok();
    account.sign_in(pds, made["password"].as_str().unwrap()).await
}

#[tokio::test]
async fn a_method_that_is_unknown_here_is_asked_of_the_appview_in_the_accounts_name() {
    let (pds, appview) = with_appview().await;
    let alice = pds.account("alice").await;
    let now = pds.world.clock();
    let reply = alice
        .send(alice.request(Method::GET, &format!("{UNKNOWN}?q=a%20b&q=c+d&x[]=%C3%BC")))
        .await;
    assert_eq!(reply.ok(), json!({ "nsid": UNKNOWN, "query": "q=a%20b&q=c+d&x[]=%C3%BC" }));
    assert_eq!(reply.header("cache-control"), Some("private"));
    let seen = appview.last();
    assert_eq!(seen.signer, Ok(alice.did.clone()));
    let claims = seen.claims();
    let iat = cairn_identity::Clock::now(now.as_ref()).as_second();
    assert_eq!(claims["aud"], appview.did().as_str(), "the bare DID");
    assert_eq!(claims["lxm"], UNKNOWN);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    assert!((claims["iat"].as_i64().unwrap() - iat).abs() < 5);
    alice.query(UNKNOWN, &[]).await.ok();
    assert_ne!(appview.last().claims()["jti"], claims["jti"]);
    assert_eq!(appview.last().peer, seen.peer, "the connection is used again");
}

#[tokio::test]
async fn headers_go_along_by_list() {
    let (pds, appview) = with_appview().await;
    let alice = pds.account("alice").await;
    appview.on(UNKNOWN, |_| {
        let headers = [
            ("atproto-repo-rev", "3aaaaaaaaaa22"),
            ("atproto-content-labelers", "did:web:l.test"),
            ("content-language", "de"),
            ("content-type", "application/json"),
            ("set-cookie", "a=b"),
            ("x-powered-by", "standing in"),
            ("server", "secret"),
        ];
        (headers, Json(json!({}))).into_response()
    });
    let request = alice
        .request(Method::GET, UNKNOWN)
        .header("accept-language", "de, en;q=0.5")
        .header("accept-encoding", "br")
        .header("atproto-accept-labelers", "did:web:l.test;redact")
        .header("x-bsky-topics", "topic")
        .header("x-atproto-app", "one")
        .header("x-forwarded-for", "192.0.2.1")
        .header("cookie", "secret=1")
        .header("x-other", "1");
    let reply = alice.send(request).await;
    for (name, value) in [
        ("atproto-repo-rev", Some("3aaaaaaaaaa22")),
        ("atproto-content-labelers", Some("did:web:l.test")),
        ("content-language", Some("de")),
        ("set-cookie", None),
        ("x-powered-by", None),
        ("server", None),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    let seen = appview.last();
    for (name, value) in [
        ("accept-language", Some("de, en;q=0.5")),
        ("accept-encoding", Some("br")),
        ("atproto-accept-labelers", Some("did:web:l.test;redact")),
        ("x-bsky-topics", Some("topic")),
        ("x-atproto-app", Some("one")),
        ("x-forwarded-for", None),
        ("cookie", None),
        ("x-other", None),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    alice.query(UNKNOWN, &[]).await.ok();
    assert_eq!(appview.last().header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn procedures_and_heads_are_passed_on_too() {
    let (pds, appview) = with_appview().await;
    let alice = pds.account("alice").await;
    alice.call("app.bsky.graph.muteActor", json!({ "actor": "did:web:x.test" })).await.ok();
    let seen = appview.last();
    assert_eq!(
        (seen.method.as_str(), seen.header("content-type")),
        ("POST", Some("application/json"))
    );
    assert_eq!(seen.body, r#"{"actor":"did:web:x.test"}"#);
    assert_eq!(seen.header("content-length"), Some("26"));
    alice.poke("app.bsky.graph.unmuteAll").await.ok();
    assert!(appview.last().body.is_empty());
    let head = alice.send(alice.request(Method::HEAD, UNKNOWN)).await;
    assert_eq!((head.status, appview.last().method.as_str()), (200, "HEAD"));
    let put = alice.send(alice.request(Method::PUT, UNKNOWN)).await;
    assert_eq!(put, (400, "InvalidRequest"));
}

#[tokio::test]
async fn the_client_names_the_service() {
    let (pds, appview) = with_appview().await;
    let other = StandIn::start(&pds.world).await;
    let alice = pds.account("alice").await;
    let ask = async |service: &str| {
        alice.send(alice.request(Method::GET, UNKNOWN).header("atproto-proxy", service)).await
    };
    ask(&format!("{}#atproto_labeler", other.did())).await.ok();
    assert_eq!(other.last().signer, Ok(alice.did.clone()));
    assert!(appview.seen().is_empty());
    // The operator has said where this one is.
    ask(&format!("{}#bsky_appview", appview.did())).await.ok();
    assert_eq!(appview.seen().len(), 1);

    for bad in [
        String::new(),
        other.did().to_string(),
        format!("{}#", other.did()),
        format!("{}#nothing", other.did()),
        format!("{}#other", other.did()),
        format!("{}#atproto_labeler#x", other.did()),
        format!("{} #atproto_labeler", other.did()),
        "#bsky_appview".to_owned(),
        "example.com#bsky_appview".to_owned(),
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme#a".to_owned(),
    ] {
        assert_eq!(ask(&bad).await, (400, "InvalidRequest"), "{bad}");
    }
    let gone = ask("did:web:localhost%3A9#bsky_appview").await;
    assert_eq!(gone, (502, "UpstreamFailure"));
    assert_eq!((other.seen().len(), appview.seen().len()), (1, 1));
}

#[tokio::test]
async fn each_namespace_has_its_service() {
    let world = World::start().await;
    let [appview, moderation, reports, chat] = [
        StandIn::start(&world).await,
        StandIn::start(&world).await,
        StandIn::start(&world).await,
        StandIn::start(&world).await,
    ];
    let pds = world
        .pds_with(|config| {
            config.appview = Some(appview.target());
            config.moderation = Some(moderation.target());
            config.reports = Some(reports.target());
            config.chat = Some(chat.target());
        })
        .await;
    let alice = pds.account("alice").await;
    for (nsid, service) in [
        ("tools.ozone.moderation.queryEvents", &moderation),
        ("tools.ozone.later.invention", &moderation),
        ("chat.bsky.convo.listConvos", &chat),
        ("app.bsky.video.getUploadLimits", &appview),
        ("com.atproto.label.queryLabels", &appview),
        ("com.example.anything", &appview),
    ] {
        alice.query(nsid, &[]).await.ok();
        assert_eq!(service.last().nsid, nsid);
        assert_eq!(service.last().signer, Ok(alice.did.clone()), "{nsid}");
    }
    // A video service has an address of its own, also for who names it, wherever its DID document points.
    let video = StandIn::start(&world).await;
    let pds = world
        .pds_with(|config| {
            config.appview = Some(appview.target());
            let elsewhere = "did:web:video.example".parse().unwrap();
            config.video = Some(ServiceTarget { did: elsewhere, ..video.target() });
        })
        .await;
    let carla = pds.account("carla").await;
    carla.query("app.bsky.video.getUploadLimits", &[]).await.ok();
    assert_eq!(video.last().nsid, "app.bsky.video.getUploadLimits");
    let named = carla
        .request(Method::GET, "app.bsky.video.getJobStatus")
        .header("atproto-proxy", "did:web:video.example#bsky_video");
    carla.send(named).await.ok();
    assert_eq!(video.last().nsid, "app.bsky.video.getJobStatus");

    let pds = world.pds_with(|config| config.chat = Some(chat.target())).await;
    let bob = pds.account("bobby").await;
    bob.query("chat.bsky.convo.listConvos", &[]).await.ok();
    for nsid in [UNKNOWN, "tools.ozone.moderation.queryEvents", "com.example.anything"] {
        let refused = bob.query(nsid, &[]).await;
        assert_eq!(refused, (400, "InvalidRequest"));
        assert_eq!(refused.message(), format!("No service configured for {nsid}"));
    }
}

#[tokio::test]
async fn nobody_is_passed_on_anonymously() {
    let (pds, appview) = with_appview().await;
    let alice = pds.account("alice").await;
    assert_eq!(pds.anyone.query(UNKNOWN, &[]).await, (401, "AuthMissing"));
    assert_eq!(alice.refresher().query(UNKNOWN, &[]).await, (400, "InvalidToken"));
    assert_eq!(pds.admin().query(UNKNOWN, &[]).await, (400, "InvalidToken"));
    // Not even to find out whether a DID resolves.
    let named = pds
        .anyone
        .request(Method::GET, UNKNOWN)
        .header("atproto-proxy", format!("{}#nothing", appview.did()));
    assert_eq!(pds.anyone.send(named).await, (401, "AuthMissing"));
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    alice.query(UNKNOWN, &[]).await.ok();
    let takedown = json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": alice.did },
        "takedown": { "applied": true },
    });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    assert_eq!(alice.query(UNKNOWN, &[]).await, (401, "AccountTakedown"));
    assert_eq!(appview.seen().len(), 1);
}

#[tokio::test]
async fn methods_on_the_account_itself_are_never_passed_on() {
    let (pds, appview) = with_appview().await;
    let alice = pds.account("alice").await;
    let service = format!("{}#bsky_appview", appview.did());
    for nsid in [
        "com.atproto.server.getsession",
        "com.atproto.identity.signplcOperation",
        "com.atproto.admin.sendemail",
    ] {
        for method in [Method::GET, Method::POST] {
            let request = alice.request(method, nsid).header("atproto-proxy", &service);
            let refused = alice.send(request).await;
            assert_eq!(refused, (400, "InvalidToken"), "{nsid}");
            assert_eq!(refused.message(), "Bad token method");
        }
    }
    // What this server serves itself is not passed on, whatever the header says.
    let own = alice
        .request(Method::GET, "com.atproto.server.getSession")
        .header("atproto-proxy", &service);
    assert_eq!(alice.send(own).await.ok()["did"], alice.did.as_str());
    assert!(appview.seen().is_empty());
}

#[tokio::test]
async fn private_messages_need_a_password_that_may_read_them() {
    let (pds, appview) = with_appview().await;
    let alice = pds.account("alice").await;
    let plain = app_password(&pds, &alice, false).await;
    let privileged = app_password(&pds, &alice, true).await;
    for nsid in
        ["chat.bsky.convo.listConvos", "chat.bsky.convo.addReaction", "Chat.bsky.convo.getLog"]
    {
        assert_eq!(plain.query(nsid, &[]).await, (400, "InvalidToken"), "{nsid}");
        privileged.query(nsid, &[]).await.ok();
        alice.query(nsid, &[]).await.ok();
    }
    plain.query(UNKNOWN, &[]).await.ok();
    assert_eq!(appview.seen().len(), 7);
}

#[tokio::test]
async fn errors_of_services_keep_their_names() {
    let (pds, appview) = with_appview().await;
    let alice = pds.account("alice").await;
    let answer = async |status: u16| {
        appview.on(UNKNOWN, move |_| refusal(status, "SomeError", "what it says"));
        let reply = alice.query(UNKNOWN, &[]).await;
        assert_eq!(reply.json(), json!({ "error": "SomeError", "message": "what it says" }));
        reply
    };
    for status in [400, 401, 403, 404, 409, 429, 501, 503] {
        assert_eq!(answer(status).await.status, status);
    }
    assert_eq!(answer(401).await.header("www-authenticate"), Some("Bearer"));
    assert_eq!(answer(500).await.status, 502);

    appview.on(UNKNOWN, |_| {
        (axum::http::StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], "<h1>slow down</h1>")
            .into_response()
    });
    let reply = alice.query(UNKNOWN, &[]).await;
    assert_eq!(reply, (429, "RateLimitExceeded"));
    assert_eq!(reply.header("retry-after"), Some("7"));
    appview
        .on(UNKNOWN, |_| (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response());
    assert_eq!(alice.query(UNKNOWN, &[]).await, (502, "UpstreamFailure"));
    appview.on(UNKNOWN, |_| {
        axum::response::Redirect::temporary("http://localhost:9/").into_response()
    });
    assert_eq!(alice.query(UNKNOWN, &[]).await, (502, "UpstreamFailure"));
}

#[tokio::test]
async fn a_service_that_is_away_is_not_this_servers_fault() {
    let pds = TestPds::start_with(|config| {
        let did = cairn_model::Did::parse("did:web:appview.test").unwrap();
        let url = "http://localhost:9".parse().unwrap();
        config.appview = Some(cairn_server::config::ServiceTarget { url, did });
    })
    .await;
    let alice = pds.account("alice").await;
    let reply = alice.query(UNKNOWN, &[]).await;
    assert_eq!(reply, (502, "UpstreamFailure"));
    let Value::String(message) = &reply.json()["message"] else { panic!("no message") };
    assert!(!message.contains("localhost"), "{message}");
}
