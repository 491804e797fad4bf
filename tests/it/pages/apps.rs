//! The apps that were let in without a password.

use cairn_tests::{Browser, OAuthApp, TestPds, World};
use serde_json::json;

use super::{SIGN_IN, signed_in};
use crate::oauth;

const GET_SESSION: &str = "com.atproto.server.getSession";

async fn is_in(pds: &TestPds, app: &OAuthApp, token: &str) -> bool {
    app.call(pds, token, GET_SESSION, None).await.status == 200
}

/// Lets an app in, and gives its access token.
async fn let_in(pds: &TestPds, app: &OAuthApp, browser: &mut Browser) -> String {
    let pushed = app.push(pds, &[]).await;
    oauth::tokens(pds, app, browser, &pushed).await.text("access_token")
}

#[tokio::test]
async fn people_see_what_apps_may_do_and_disconnect_them() {
    let world = World::start().await;
    let pds = world.pds().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bob").await);
    let local = OAuthApp::loopback(&world, "atproto repo:app.bsky.feed.post");
    let hosted = OAuthApp::hosted(&world, "atproto transition:generic", json!({})).await;
    let page = format!("/account/u/{}/apps", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    assert!(browser.get(&page).await.has("No connected apps"));
    let token = let_in(&pds, &local, &mut browser).await;
    let again = let_in(&pds, &local, &mut browser).await;
    let kept = let_in(&pds, &hosted, &mut browser).await;
    let mut other = signed_in(&pds, "bob").await;
    let bobs = let_in(&pds, &local, &mut other).await;

    let view = browser.get(&page).await;
    for said in
        ["An app on your device", "2 sessions", "127.0.0.1", "Use your account like you", "posts"]
    {
        assert!(view.has(said), "{said}: {view:?}");
    }
    // Nobody disconnects the apps of others.
    let own = format!("/account/u/{}/apps", bob.did);
    other.get(&own).await;
    other.submit(&own, &[("client", &hosted.client_id)]).await;
    assert!(other.submit(&page, &[("all", "1")]).await.location.starts_with(SIGN_IN));
    assert!(is_in(&pds, &hosted, &kept).await);

    let view = browser.submit(&page, &[("client", &local.client_id)]).await;
    assert!(browser.follow(&view).await.has("That app is disconnected."));
    assert!(!is_in(&pds, &local, &token).await && !is_in(&pds, &local, &again).await);
    assert!(is_in(&pds, &local, &bobs).await && is_in(&pds, &hosted, &kept).await);
    browser.submit(&page, &[("all", "1")]).await;
    assert!(!is_in(&pds, &hosted, &kept).await && is_in(&pds, &local, &bobs).await);
    assert!(browser.get(&page).await.has("No connected apps"));
}

#[tokio::test]
async fn a_disconnected_app_asks_again() {
    let world = World::start().await;
    let app = OAuthApp::hosted(&world, "atproto", json!({})).await;
    let trusted = app.client_id.clone();
    let pds = world.pds_with(move |config| config.oauth_trusted_clients = vec![trusted]).await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice").await;
    let_in(&pds, &app, &mut browser).await;
    let hint = [("login_hint", alice.did.as_str())];
    // Agreed to once, it is asked no more, until it is disconnected.
    let pushed = app.push(&pds, &hint).await;
    app.code(&pds, &browser.get(&pushed.page).await);
    let page = format!("/account/u/{}/apps", alice.did);
    browser.fill(&page, &[("client", &app.client_id)]).await;
    let pushed = app.push(&pds, &hint).await;
    assert_eq!(browser.get(&pushed.page).await.status, 200);
}
