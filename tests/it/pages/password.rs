//! Changing the password.

use std::time::Duration;

use cairn_tests::{OAuthApp, PASSWORD, TestPds};
use serde_json::json;

use super::{SIGN_IN, signed_in};
use crate::oauth;

const REFRESH: &str = "com.atproto.server.refreshSession";
const NEW: &str = "three words more";

#[tokio::test]
async fn a_new_password_takes_the_old_one() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let page = format!("/account/u/{}/password", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    let view = browser.get(&page).await;
    for token in ["username", "current-password", "new-password"] {
        assert!(view.has(&format!("autocomplete=\"{token}\"")), "{token}: {view:?}");
    }
    for (current, new, field, error) in [
        ("", NEW, "current", "Type the password that you have now"),
        ("wrong", NEW, "current", "This is not your present password"),
        (PASSWORD, "", "password", "Choose a password"),
        (PASSWORD, "short", "password", "A password has at least 8"),
        (PASSWORD, PASSWORD, "password", "This is the password that you have already"),
    ] {
        let view = browser.submit(&page, &[("current", current), ("password", new)]).await;
        assert!(view.error(field).starts_with(error), "{current} {new}: {view:?}");
        assert!(!view.has(&format!("value=\"{NEW}\"")), "a password does not come back");
    }
    let view = browser.submit(&page, &[("current", PASSWORD), ("password", NEW)]).await;
    assert_eq!(view.location, format!("/account/u/{}", alice.did), "{view:?}");
    assert!(browser.follow(&view).await.has("Your new password is set."));
    pds.letter("alice@mail.test", "Your password was changed").await;
    let old = json!({ "identifier": "alice.test", "password": PASSWORD });
    let refused = pds.anyone.call("com.atproto.server.createSession", old).await;
    assert_eq!(refused, (401, "AuthenticationRequired"));
    // Nothing else was to end.
    alice.refresher().poke(REFRESH).await.ok();
}

#[tokio::test]
async fn the_owner_says_what_ends_with_the_old_password() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let input = json!({ "name": "phone" });
    let made = alice.call("com.atproto.server.createAppPassword", input).await.ok();
    let app_password = made["password"].as_str().unwrap();
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut here = signed_in(&pds, "alice").await;
    let pushed = app.push(&pds, &[]).await;
    let tokens = oauth::tokens(&pds, &app, &mut here, &pushed).await;
    let access = tokens.text("access_token");
    let mut there = signed_in(&pds, "alice").await;
    let home = format!("/account/u/{}", alice.did);
    let page = format!("{home}/password");

    let fields = [("current", PASSWORD), ("password", NEW), ("others", "1")];
    assert_eq!(here.fill(&page, &fields).await.status, 303);
    assert_eq!(here.get(&home).await.status, 200, "this browser stays");
    assert_eq!(there.get(&home).await.status, 303);
    assert_eq!(alice.refresher().poke(REFRESH).await, (400, "ExpiredToken"));
    let ended = app.call(&pds, &access, "com.atproto.server.getSession", None).await;
    assert_eq!(ended.error(), (401, "invalid_token"));
    alice.sign_in(&pds, app_password).await;

    let fields = [("current", NEW), ("password", PASSWORD), ("app_passwords", "1")];
    assert_eq!(here.fill(&page, &fields).await.status, 303);
    assert_eq!(here.get(&home).await.status, 200, "this browser stays");
    let voided = json!({ "identifier": "alice.test", "password": app_password });
    let refused = pds.anyone.call("com.atproto.server.createSession", voided).await;
    assert_eq!(refused, (401, "AuthenticationRequired"));
}

#[tokio::test]
async fn guessing_the_old_password_ends() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = true).await;
    let alice = pds.account("alice").await;
    let page = format!("/account/u/{}/password", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&page).await;
    let fields = [("current", "wrong"), ("password", NEW)];
    for _ in 0..30 {
        assert_eq!(browser.submit(&page, &fields).await.status, 422);
    }
    let fields = [("current", PASSWORD), ("password", NEW)];
    assert_eq!(browser.submit(&page, &fields).await.status, 429);
}

#[tokio::test]
async fn a_change_takes_a_recent_sign_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let page = format!("/account/u/{}/password", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&page).await;
    pds.world.clock().advance(Duration::from_secs(30 * 60));
    let fields = [("current", PASSWORD), ("password", NEW)];
    assert!(browser.submit(&page, &fields).await.location.starts_with(SIGN_IN));
    assert!(browser.get(&page).await.location.starts_with(SIGN_IN));
}

#[tokio::test]
async fn password_managers_find_the_page() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = cairn_tests::Browser::new(&pds);
    let path = "/.well-known/change-password";
    assert_eq!(browser.get(path).await.location, "/account/reset-password");
    let mut browser = signed_in(&pds, "alice").await;
    let view = browser.get(path).await;
    assert_eq!(view.location, format!("/account/u/{}/password", alice.did));
}
