//! Which account answers, and when somebody must sign in.

use cairn_tests::{Browser, OAuthApp, TestPds, World};
use serde_json::json;

use super::{DAY, MINUTE, REQUEST, allow, decide, sign_in, signed_in};

#[tokio::test]
async fn one_of_several_accounts_is_chosen() {
    let pds = TestPds::start().await;
    let (_, bob) = (pds.account("alice").await, pds.account("bob").await);
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice", "bob"]).await;
    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    assert!(page.has("alice.test") && page.has("bob.test") && !page.has("value=\"allow\""));
    let choice =
        page.html.split('"').find(|it| it.contains("account=") && it.contains("request_uri"));
    assert!(choice.is_some(), "{page:?}");
    let url = format!("{REQUEST}?request_uri={}&account={}", pushed.request_uri, bob.did);
    let page = browser.get(&url).await;
    assert!(page.has("bob.test") && !page.has("alice.test"), "{page:?}");
    // Changing one's mind leads back to the choice.
    assert!(page.has("choose=1"), "{page:?}");
    let answer = allow(&pds, &app, &mut browser, (&pushed, &page), &[]).await;
    assert_eq!(answer.text("sub"), bob.did.as_str());
}

#[tokio::test]
async fn who_signed_in_before_a_second_factor_agrees_to_nothing_without_it() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    assert!(page.has("value=\"allow\""), "{page:?}");

    alice.add_mailed_codes(&pds).await;
    // Neither the page that is open already, nor another one.
    let view = decide(&mut browser, &page, "allow", &[]).await;
    assert!(view.location.starts_with(REQUEST), "{view:?}");
    let view = browser.follow(&view).await;
    assert!(view.location.starts_with("/account/sign-in?"), "{view:?}");
    let pushed = app.push(&pds, &[]).await;
    let view = browser.get(&pushed.page).await;
    assert!(view.location.starts_with("/account/sign-in?"), "{view:?}");
}

#[tokio::test]
async fn the_page_can_be_left_without_choosing() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    pds.account("bob").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice", "bob"]).await;
    let pushed = app.push(&pds, &[]).await;
    browser.get(&pushed.page).await;
    let fields = [("request_uri", pushed.request_uri.as_str()), ("decision", "deny")];
    let view = browser.submit(REQUEST, &fields).await;
    assert_eq!(app.refusal(&pds, &view), "access_denied");
}

#[tokio::test]
async fn a_hint_names_the_account() {
    let pds = TestPds::start().await;
    let bob = pds.account("bob").await;
    pds.account("alice").await;
    let carol = pds.account("carol").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice", "bob"]).await;
    for hint in ["bob.test", bob.did.as_str()] {
        let pushed = app.push(&pds, &[("login_hint", hint)]).await;
        let page = browser.get(&pushed.page).await;
        assert!(page.has("bob.test") && page.has("value=\"allow\""), "{page:?}");
    }
    // Whoever must sign in first sees the name to type, also when the app knows the account by its DID.
    for hint in [carol.did.as_str(), "carol.test"] {
        let pushed = app.push(&pds, &[("login_hint", hint)]).await;
        let view = browser.get(&pushed.page).await;
        let page = browser.get(&view.location).await;
        assert_eq!(page.field("username"), "carol.test", "{hint}");
    }
    let pushed = app.push(&pds, &[("login_hint", "carol.test")]).await;
    let view = browser.get(&pushed.page).await;
    let page = sign_in(&mut browser, &view, "carol").await;
    assert!(page.has("carol.test") && page.has("value=\"allow\""), "{page:?}");
}

#[tokio::test]
async fn apps_say_what_people_are_asked() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    for params in [("prompt", "login"), ("max_age", "30")] {
        let pushed = app.push(&pds, &[params]).await;
        let view = browser.get(&pushed.page).await;
        assert!(view.location.starts_with("/account/sign-in?"), "{params:?}: {view:?}");
        // The form is no way around it.
        let page = browser.follow(&view).await;
        let did =
            pds.anyone.query("com.atproto.identity.resolveHandle", &[("handle", "alice.test")]);
        let did = did.await.ok()["did"].as_str().unwrap().to_owned();
        let fields = [
            ("request_uri", pushed.request_uri.as_str()),
            ("account", did.as_str()),
            ("decision", "allow"),
        ];
        let refused = browser.submit(REQUEST, &fields).await;
        assert!(refused.location.starts_with(REQUEST), "{refused:?}");
        assert_eq!(page.field("username"), "alice.test");
        let page = sign_in(&mut browser, &view, "alice").await;
        let view = decide(&mut browser, &page, "allow", &[]).await;
        app.code(&pds, &view);
        pds.world.clock().advance(MINUTE);
    }
    let pushed = app.push(&pds, &[("prompt", "select_account")]).await;
    let page = browser.get(&pushed.page).await;
    assert!(page.has("alice.test") && !page.has("value=\"allow\""), "{page:?}");
    let pushed = app.push(&pds, &[]).await;
    assert!(browser.get(&pushed.page).await.has("value=\"allow\""));
    // A sign-in of long ago is not enough to give rights away.
    pds.world.clock().advance(8 * DAY);
    let pushed = app.push(&pds, &[]).await;
    let view = browser.get(&pushed.page).await;
    assert!(view.location.starts_with("/account/sign-in?"), "{view:?}");
}

/// The page is the app's wish, however well it is known.
#[tokio::test]
async fn an_app_that_wants_consent_gets_the_page_each_time() {
    let world = World::start().await;
    let trusted = OAuthApp::hosted(&world, "atproto", json!({})).await;
    let proven = OAuthApp::confidential(&world, "atproto").await;
    let id = trusted.client_id.clone();
    let pds = world.pds_with(move |config| config.oauth_trusted_clients = vec![id]).await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, &["alice"]).await;
    let hint = ("login_hint", alice.did.as_str());
    for app in [&trusted, &proven] {
        let pushed = app.push(&pds, &[hint]).await;
        let page = browser.get(&pushed.page).await;
        allow(&pds, app, &mut browser, (&pushed, &page), &[]).await.ok();
        let pushed = app.push(&pds, &[hint]).await;
        let view = browser.get(&pushed.page).await;
        app.code(&pds, &view);

        for decision in ["allow", "deny", "allow"] {
            let pushed = app.push(&pds, &[hint, ("prompt", "consent")]).await;
            let page = browser.get(&pushed.page).await;
            assert_eq!(page.location, "", "{page:?}");
            assert!(page.has("value=\"allow\"") && page.has("alice.test"), "{page:?}");
            let view = decide(&mut browser, &page, decision, &[]).await;
            match decision {
                "deny" => assert_eq!(app.refusal(&pds, &view), "access_denied"),
                _ => drop(app.exchange(&pds, &pushed, &app.code(&pds, &view)).await.ok()),
            }
        }
    }
}

/// A hint is a hint: people know better than apps which account they want to use.
#[tokio::test]
async fn who_signs_in_is_meant_whatever_the_hint_says() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let bob = pds.account("bob").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    // Nobody is signed in, and somebody who is not meant.
    for mut browser in [Browser::new(&pds), signed_in(&pds, &["bob"]).await] {
        let pushed = app.push(&pds, &[("login_hint", "alice.test")]).await;
        let view = browser.get(&pushed.page).await;
        let page = browser.get(&view.location).await;
        assert_eq!(page.field("username"), "alice.test");
        let page = sign_in(&mut browser, &view, "bob").await;
        assert!(page.has("bob.test") && !page.has("alice.test"), "{page:?}");
        // It stays so when the app's link is opened once more.
        let page = browser.get(&pushed.page).await;
        assert!(page.has("bob.test") && page.has("value=\"allow\""), "{page:?}");
        let answer = allow(&pds, &app, &mut browser, (&pushed, &page), &[]).await;
        assert_eq!(answer.text("sub"), bob.did.as_str(), "the app is told who it is");
    }
}
