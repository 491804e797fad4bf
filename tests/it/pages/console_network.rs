//! The console's view of the network: relays, subscribers, the live firehose; what the server runs with, and its checks.

use std::time::Duration;

use cairn_server::config::{Setting, SettingSource, SettingValue};
use cairn_tests::{Browser, StandIn, TestPds, World};
use reqwest::Method;
use serde_json::json;

use super::console::{log, operator};

const CRAWL: &str = "com.atproto.sync.requestCrawl";
const STATUS: &str = "com.atproto.sync.getHostStatus";

#[tokio::test]
async fn relays_are_asked_by_a_button_and_what_they_say_is_shown() {
    let world = World::start().await;
    let relay = StandIn::start(&world).await;
    relay.on_json(CRAWL, None, json!({}));
    let base = relay.base().to_owned();
    let pds = world.pds_with(|config| config.crawlers = vec![base.parse().unwrap()]).await;
    let mut browser = operator(&pds).await;
    assert!(browser.get("/admin/relays").await.has(relay.base()));
    relay.on(CRAWL, |_| cairn_tests::refusal(403, "HostBanned", "<b>not here"));
    let view = browser.submit("/admin/relays/0/ask", &[]).await;
    let view = browser.follow(&view).await;
    assert!(view.has("The relay did not accept.") && view.has("refused (403)"), "{view:?}");
    assert!(view.has("&#60;b&#62;not here"), "{view:?}");
    relay.on_json(CRAWL, None, json!({}));
    let view = browser.submit("/admin/relays/0/ask", &[]).await;
    let view = browser.follow(&view).await;
    assert!(view.has("The relay accepted.") && !view.has("{}"), "nothing of nothing: {view:?}");

    let head = pds.account("alice").await.head().await;
    assert!(!head.rev.to_string().is_empty());
    relay.on_json(STATUS, None, json!({ "status": "throttled", "accountCount": 3, "seq": 0 }));
    let view = browser.submit("/admin/relays/0/look", &[]).await;
    let view = browser.follow(&view).await;
    assert!(view.has(">throttles this server<") && view.has("3 accounts, "), "{view:?}");
    assert!(relay.last().query.unwrap().starts_with("hostname=localhost%3A"));
    assert_eq!(browser.submit("/admin/relays/1/ask", &[]).await.status, 404);
    let log = log(&mut browser).await;
    assert_eq!(log.matches("Relay asked to follow").count(), 2, "{log}");
}

#[tokio::test]
async fn subscribers_are_seen_and_hung_up_on() {
    let pds = TestPds::start().await;
    let mut browser = operator(&pds).await;
    assert!(browser.get("/admin/relays").await.has("Nobody is connected"));
    let mut firehose = pds.firehose().await;
    pds.account("alice").await;
    firehose.event().await;
    let view = browser.get("/admin/relays").await;
    assert!(view.has("127.0.0.1") && view.has("events sent"), "{view:?}");
    assert!(!view.has(">0 events sent"), "{view:?}");
    let (_, after) = view.html.split_once("action=\"/admin/subscribers/").unwrap();
    let path = format!("/admin/subscribers/{}", after.split('"').next().unwrap());
    let view = browser.submit(&path, &[]).await;
    assert!(browser.follow(&view).await.has("The connection is closed."));
    while firehose.next().await.is_some() {}
    // Once it is gone, there is nobody to hang up on.
    while pds.admin().page("/metrics").await.text().contains("cairn_firehose_subscribers 1") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let view = browser.submit(&path, &[]).await;
    assert!(browser.follow(&view).await.has("This subscriber had left already."));
    assert!(log(&mut browser).await.contains("Subscriber hung up on"));
}

#[tokio::test]
async fn the_firehose_is_shown_as_it_comes_and_back_to_its_beginning() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for n in 0..60 {
        alice.post(&n.to_string()).await;
    }
    let mut browser = operator(&pds).await;
    let view = browser.get("/admin/firehose").await;
    assert_eq!(view.html.matches("<tr data-seq=").count(), 50, "{view:?}");
    // A record is named without its account, which stands beside.
    let record = ">app.bsky.feed.post/";
    assert!(view.has(">alice.test</a>") && view.has(record) && view.has("/live.js"), "{view:?}");
    let (_, next) = view.html.split_once("href=\"/admin/firehose?after=").unwrap();
    let next = format!("/admin/firehose?after={}", next.split('"').next().unwrap());
    let view = browser.get(&next).await;
    assert!(view.has(">identity<") && view.has(">account<") && !view.has("/live.js"), "{view:?}");
    assert!(!view.has("href=\"/admin/firehose?after="), "the beginning is reached");

    // What the script listens to: the last events, and then every new one.
    let mut stranger = Browser::new(&pds);
    assert_eq!(stranger.get("/admin/firehose/events").await.status, 303);
    let request = browser.request(Method::GET, "/admin/firehose/events");
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut next = async || {
        let piece = tokio::time::timeout(Duration::from_secs(10), stream.chunk()).await;
        String::from_utf8(piece.unwrap().unwrap().unwrap().to_vec()).unwrap()
    };
    assert_eq!(next().await.matches("data: {").count(), 50);
    let rkey = alice.post("now").await;
    let piece = next().await;
    assert!(piece.contains(&rkey) && piece.contains("\"handle\":\"alice.test\""), "{piece}");
}

#[tokio::test]
async fn settings_are_shown_with_their_source_and_without_secrets() {
    let setting = |key, value, source| Setting { key, value, source };
    let pds = TestPds::start_with(|config| {
        config.settings = vec![
            setting(
                "hostname",
                SettingValue::Plain("pds.example".into()),
                SettingSource::Variable("PDS_HOSTNAME".into()),
            ),
            setting("port", SettingValue::Plain("2583".into()), SettingSource::Default),
            setting("jwt_secret", SettingValue::Secret { is_set: true }, SettingSource::File),
            setting("error_color", SettingValue::Plain(String::new()), SettingSource::Default),
        ];
    })
    .await;
    let view = operator(&pds).await.get("/admin/settings").await;
    let (set, defaults) = view.html.split_once(">Defaults<").unwrap();
    for shown in ["pds.example", "PDS_HOSTNAME", "set, not shown"] {
        assert!(set.contains(shown), "{shown}: {set}");
    }
    assert!(defaults.contains("2583") && defaults.contains("a red"));
    // In the reader's language.
    let mut browser = operator(&pds).await;
    browser.cookies.insert("language".to_owned(), "fr".to_owned());
    let view = browser.get("/admin/settings").await;
    for shown in ["port TCP d’écoute", "un rouge", "clé des jetons de session"] {
        assert!(view.has(shown), "{shown}: {view:?}");
    }
    assert!(!view.has("TCP port to listen on"), "{view:?}");
}

#[tokio::test]
async fn checks_look_from_outside_and_say_what_to_do() {
    let pds = TestPds::start().await;
    let mut browser = operator(&pds).await;
    assert!(!browser.get("/admin/settings/checks").await.has("WebSockets"));
    let view = browser.submit("/admin/settings/checks", &[]).await;
    let line = |title: &str| {
        let (_, after) = view.html.split_once(title).unwrap_or_else(|| panic!("{title}: {view:?}"));
        after.split("</li>").next().unwrap().to_owned()
    };
    for good in ["The address leads here", "WebSockets get through", "There is room on the disk"] {
        assert!(line(good).contains(">good<"), "{good}: {view:?}");
    }
    assert!(line("Clients are told apart").contains("not checked"), "plain http is for localhost");

    // Another server answers under this one's name.
    let other = TestPds::start().await;
    let pds = TestPds::start_with(|config| config.public_url = other.url().to_owned()).await;
    let mut browser = operator(&pds).await;
    browser.get("/admin/settings/checks").await;
    let view = browser.submit("/admin/settings/checks", &[]).await;
    let (_, after) = view.html.split_once("The address leads here").unwrap();
    let line = after.split("</li>").next().unwrap();
    assert!(line.contains(">wrong<") && line.contains("Point the DNS records"), "{line}");
}
