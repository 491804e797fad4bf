//! The whole way.

use cairn_tests::{Browser, OAuthApp, TestPds, World, post};
use serde_json::json;

use super::{MINUTE, allow, decide, sign_in, signed_in, tokens};

#[tokio::test]
async fn an_app_on_the_device_signs_somebody_in_and_acts_for_them() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto transition:generic");
    let pushed = app.push(&pds, &[]).await;
    let mut browser = Browser::new(&pds);

    let view = browser.get(&pushed.page).await;
    let page = browser.get(&view.location).await;
    assert!(page.has("An app on your device is waiting for you."), "{page:?}");
    let page = sign_in(&mut browser, &view, "alice").await;
    assert!(page.has("An app on your device wants to use your account"), "{page:?}");
    assert!(page.has("anybody can say so") && page.has("alice.test"), "{page:?}");
    assert!(page.has("Use your account like you"), "{page:?}");
    let answer = allow(&pds, &app, &mut browser, (&pushed, &page), &[]).await;
    assert_eq!(answer.text("sub"), alice.did.as_str());
    assert_eq!(answer.text("scope"), "atproto transition:generic");
    let token = answer.text("access_token");
    let input = json!({
        "repo": alice.did, "collection": "app.bsky.feed.post", "record": post("by an app"),
    });
    let created = app.call(&pds, &token, "com.atproto.repo.createRecord", Some(input)).await;
    assert!(created.text("uri").starts_with(&format!("at://{}", alice.did)));
    let session = app.call(&pds, &token, "com.atproto.server.getSession", None).await;
    assert_eq!(session.text("handle"), "alice.test");
    assert_eq!(session.json.get("email"), None, "nobody agreed to that");

    let refreshed = app.refresh(&pds, &answer.text("refresh_token")).await;
    let token = refreshed.text("access_token");
    app.call(&pds, &token, "com.atproto.server.getSession", None).await.ok();
    app.revoke(&pds, &refreshed.text("refresh_token")).await.ok();
    let ended = app.call(&pds, &token, "com.atproto.server.getSession", None).await;
    assert_eq!(ended.error(), (401, "invalid_token"));
}

#[tokio::test]
async fn a_code_serves_once_and_then_ends_what_it_began() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    let view = decide(&mut browser, &page, "allow", &[]).await;
    let code = app.code(&pds, &view);
    let answer = app.exchange(&pds, &pushed, &code).await;
    let token = answer.text("access_token");
    app.call(&pds, &token, "com.atproto.server.getSession", None).await.ok();
    let again = app.exchange(&pds, &pushed, &code).await;
    assert_eq!(again.error(), (400, "invalid_grant"));
    let ended = app.call(&pds, &token, "com.atproto.server.getSession", None).await;
    assert_eq!(ended.error(), (401, "invalid_token"));
    // The page was answered.
    let view = browser.get(&pushed.page).await;
    assert_eq!(view.status, 400, "{view:?}");
}

#[tokio::test]
async fn somebody_new_signs_up_on_the_way() {
    let pds = TestPds::start().await;
    let app = OAuthApp::hosted(&pds.world, "atproto", json!({})).await;
    let pushed = app.push(&pds, &[("prompt", "create")]).await;
    let mut browser = Browser::new(&pds);
    let view = browser.get(&pushed.page).await;
    assert!(view.location.starts_with("/account/sign-up?"), "{view:?}");
    let page = browser.follow(&view).await;
    let next = page.field("next");
    // Time to think, longer than a request waits by itself.
    pds.world.clock().advance(10 * MINUTE);
    let fields = [
        ("handle", "carol"),
        ("domain", ".test"),
        ("email", "carol@mail.test"),
        ("password", cairn_tests::PASSWORD),
        ("next", next.as_str()),
    ];
    let view = browser.submit("/account/sign-up", &fields).await;
    assert_eq!(view.location, next, "{view:?}");
    let page = browser.follow(&view).await;
    assert!(page.has("127.0.0.1 wants to use your account") && page.has("carol.test"), "{page:?}");
    let answer = allow(&pds, &app, &mut browser, (&pushed, &page), &[]).await;
    assert!(answer.text("sub").starts_with("did:plc:"));
}

#[tokio::test]
async fn an_app_that_the_operator_vouches_for_asks_once() {
    let world = World::start().await;
    let more = json!({ "client_name": "Skyline", "logo_uri": "https://skyline.example/logo.png" });
    let app = OAuthApp::hosted(&world, "atproto transition:email", more).await;
    let trusted = app.client_id.clone();
    let pds = world.pds_with(move |config| config.oauth_trusted_clients = vec![trusted]).await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, &["alice"]).await;

    let hint = [("login_hint", alice.did.as_str())];
    let none = [("login_hint", alice.did.as_str()), ("prompt", "none")];
    let pushed = app.push(&pds, &none).await;
    let view = browser.get(&pushed.page).await;
    assert_eq!(app.refusal(&pds, &view), "consent_required");

    let pushed = app.push(&pds, &hint).await;
    let page = browser.get(&pushed.page).await;
    assert!(page.has("Skyline wants to use your account") && page.has("127.0.0.1"), "{page:?}");
    assert!(page.has("https://skyline.example/logo.png"), "{page:?}");
    decide(&mut browser, &page, "allow", &[]).await;

    // Now it is known. Neither of these shows a page.
    for params in [&hint[..], &none[..]] {
        let pushed = app.push(&pds, params).await;
        let view = browser.get(&pushed.page).await;
        let code = app.code(&pds, &view);
        app.exchange(&pds, &pushed, &code).await.ok();
    }
    // Nobody signed in here a week ago.
    world.clock().advance(8 * super::DAY);
    let pushed = app.push(&pds, &none).await;
    let view = browser.get(&pushed.page).await;
    assert_eq!(app.refusal(&pds, &view), "login_required");
    let pushed = app.push(&pds, &none).await;
    let view = Browser::new(&pds).get(&pushed.page).await;
    assert_eq!(app.refusal(&pds, &view), "login_required");
}

/// It has proven who it is; what it calls itself is still its own claim.
#[tokio::test]
async fn an_app_that_proves_itself_asks_once() {
    let world = World::start().await;
    let app = OAuthApp::confidential(&world, "atproto transition:email").await;
    let pds = world.pds().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, &["alice"]).await;
    let hint = ("login_hint", alice.did.as_str());
    let less = ("scope", "atproto");

    let pushed = app.push(&pds, &[hint, less]).await;
    let page = browser.get(&pushed.page).await;
    assert!(page.has("127.0.0.1 wants to use your account"), "{page:?}");
    decide(&mut browser, &page, "allow", &[]).await;
    for silent in [&[hint, less][..], &[hint, less, ("prompt", "none")]] {
        let pushed = app.push(&pds, silent).await;
        let view = browser.get(&pushed.page).await;
        let code = app.code(&pds, &view);
        let answer = app.exchange(&pds, &pushed, &code).await;
        assert_eq!(answer.text("sub"), alice.did.as_str());
        app.refresh(&pds, &answer.text("refresh_token")).await.ok();
    }
    // Not without a hint, not for more than was agreed to, and not for somebody else.
    for asked in [&[less][..], &[hint]] {
        let pushed = app.push(&pds, asked).await;
        let page = browser.get(&pushed.page).await;
        assert!(page.has("value=\"allow\""), "{asked:?}: {page:?}");
    }
    pds.account("bob").await;
    let mut other = signed_in(&pds, &["bob"]).await;
    let pushed = app.push(&pds, &[("login_hint", "bob.test"), less]).await;
    assert!(other.get(&pushed.page).await.has("value=\"allow\""));
}

#[tokio::test]
async fn an_app_that_anybody_could_be_asks_each_time() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let more = json!({ "client_name": "The bank", "logo_uri": "https://bank.example/logo.png" });
    let app = OAuthApp::hosted(&pds.world, "atproto", more).await;
    let mut browser = signed_in(&pds, &["alice"]).await;
    for _ in 0..2 {
        let pushed = app.push(&pds, &[("login_hint", alice.did.as_str())]).await;
        let page = browser.get(&pushed.page).await;
        assert!(page.has("127.0.0.1 wants to use your account"), "{page:?}");
        assert!(!page.has("The bank") && !page.has("bank.example"), "its own claims: {page:?}");
        tokens(&pds, &app, &mut browser, &pushed).await.ok();
    }
}
