//! App passwords.

use std::time::Duration;

use cairn_tests::{PASSWORD, TestPds};
use serde_json::json;

use super::{SIGN_IN, signed_in};

const SESSION: &str = "com.atproto.server.createSession";
const REFRESH: &str = "com.atproto.server.refreshSession";

/// What stands in a box to copy.
fn copied(html: &str, id: &str) -> String {
    let (_, after) = html.split_once(&format!("id=\"{id}\" tabindex=\"0\">")).expect("a box");
    after.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_app_password_is_made_shown_once_and_revoked() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bob").await);
    let page = format!("/account/u/{}/app-passwords", alice.did);
    let new = format!("{page}/new");
    let mut browser = signed_in(&pds, "alice").await;
    assert!(browser.get(&page).await.has("No app passwords"));
    let long = "x".repeat(257);
    for (name, kind, field, error) in [
        ("", "standard", "name", "Give it a name"),
        (long.as_str(), "standard", "name", "This name is too long"),
        ("Phone", "root", "kind", "Choose one of these"),
        ("Phone", "limited", "may", "Tick at least one thing"),
    ] {
        let view = browser.fill(&new, &[("name", name), ("kind", kind)]).await;
        assert!(view.error(field).starts_with(error), "{name} {kind}: {view:?}");
    }
    let view = browser.submit(&new, &[("name", "Phone"), ("kind", "privileged")]).await;
    assert_eq!(view.status, 200, "{view:?}");
    let password = copied(&view.html, "password");
    assert_eq!(password.len(), 19, "{password}");
    let view = browser.submit(&new, &[("name", "Phone"), ("kind", "standard")]).await;
    assert!(view.error("name").starts_with("You have an app password of this name"));
    let session = alice.sign_in(&pds, &password).await;

    let view = browser.get(&page).await;
    assert!(view.has("With private messages") && view.has("1 session"), "{view:?}");
    assert!(!view.has(&password), "it is shown once");
    // Nobody revokes those of others.
    let mut other = signed_in(&pds, "bob").await;
    let own = format!("/account/u/{}/app-passwords", bob.did);
    other.get(&own).await;
    other.submit(&own, &[("name", "Phone")]).await;
    assert!(other.submit(&page, &[("name", "Phone")]).await.location.starts_with(SIGN_IN));
    session.refresher().poke(REFRESH).await.ok();

    let session = alice.sign_in(&pds, &password).await;
    let view = browser.submit(&page, &[("name", "Phone")]).await;
    assert!(browser.follow(&view).await.has("The app password is revoked"));
    assert_eq!(session.refresher().poke(REFRESH).await, (400, "ExpiredToken"));
    let input = json!({ "identifier": "alice.test", "password": password });
    assert_eq!(pds.anyone.call(SESSION, input).await, (401, "AuthenticationRequired"));
}

#[tokio::test]
async fn what_is_ticked_is_what_it_may_do() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let page = format!("/account/u/{}/app-passwords", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    let fields =
        [("name", "Bot"), ("kind", "limited"), ("may", "posts"), ("may", "files"), ("may", "root")];
    let view = browser.fill(&format!("{page}/new"), &fields).await;
    let bot = alice.sign_in(&pds, &copied(&view.html, "password")).await;
    bot.post("by a bot").await;
    pds.letter("alice@mail.test", "New app password").await;
    let profile = json!({
        "repo": alice.did, "collection": "app.bsky.actor.profile", "record": { "displayName": "Bot" },
    });
    let refused = bot.call("com.atproto.repo.createRecord", profile).await;
    assert_eq!(refused, (403, "ScopeMissingError"));
    let view = browser.get(&page).await;
    assert!(view.has("Only what I tick") && view.has("Upload files"), "{view:?}");
    assert!(!view.has("your profile"), "{view:?}");
}

#[tokio::test]
async fn making_one_takes_a_recent_sign_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let new = format!("/account/u/{}/app-passwords/new", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&new).await;
    pds.world.clock().advance(Duration::from_secs(30 * 60));
    let fields = [("name", "Phone"), ("kind", "standard")];
    let view = browser.submit(&new, &fields).await;
    assert!(view.location.starts_with(SIGN_IN), "{view:?}");
    let page = browser.follow(&view).await;
    let next = page.field("next");
    let fields = [("username", "alice"), ("password", PASSWORD), ("next", next.as_str())];
    assert_eq!(browser.submit(SIGN_IN, &fields).await.location, new);
}
