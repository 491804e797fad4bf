//! What is asked for before what signing in takes is changed.

use std::time::Duration;

use cairn_tests::{Browser, PASSWORD, TestPds};

use super::{CODE, SIGN_IN, STEP, add_app, add_passkey, path, show_code, signed_in};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn changes_take_a_recent_sign_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let (app, _) = add_app(&pds, &alice, &mut browser).await;
    add_passkey(&pds, &alice, &mut browser).await;
    let page = browser.get(&path(&alice, "")).await;
    let (_, key) = page.html.split_once("/passkeys/").unwrap();
    let key = format!("/passkeys/{}/remove", key.split('"').next().unwrap());
    pds.world.clock().advance(HOUR);
    // Looking is no change.
    assert_eq!(browser.get(&path(&alice, "")).await.status, 200);
    for page in ["/app/remove", "/passkeys", &key, "/mail", "/codes"] {
        for view in
            [browser.get(&path(&alice, page)).await, browser.submit(&path(&alice, page), &[]).await]
        {
            assert!(
                view.location.starts_with(&format!("{SIGN_IN}?login_hint=")),
                "{page}: {view:?}"
            );
        }
    }
    // The password alone is not enough.
    let view = browser.get(&path(&alice, "/app/remove")).await;
    let page = browser.follow(&view).await;
    let next = page.field("next");
    assert_eq!(next, path(&alice, "/app/remove"));
    let fields = [("username", "alice.test"), ("password", PASSWORD), ("next", next.as_str())];
    let view = browser.submit(SIGN_IN, &fields).await;
    assert!(view.location.starts_with(CODE), "{view:?}");
    let page = browser.follow(&view).await;
    let pending = page.field("pending");
    let code = app.code(&pds);
    let fields = [("pending", pending.as_str()), ("with", "app"), ("code", &code), ("next", &next)];
    let view = browser.submit(CODE, &fields).await;
    assert_eq!(view.location, next, "{view:?}");
    assert_eq!(browser.follow(&view).await.status, 200);
}

#[tokio::test]
async fn a_sign_in_with_less_than_the_account_asks_for_today_is_not_enough() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    // Both by password, a moment ago.
    let mut old = signed_in(&pds, "alice.test").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    add_app(&pds, &alice, &mut browser).await;
    assert_eq!(browser.get(&path(&alice, "/app/remove")).await.status, 200);
    let view = old.get(&path(&alice, "/app/remove")).await;
    assert!(view.location.starts_with(SIGN_IN), "{view:?}");
    assert_eq!(old.get(&path(&alice, "")).await.status, 200);
}

#[tokio::test]
async fn nobody_changes_what_another_account_asks_for() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    add_app(&pds, &alice, &mut browser).await;
    let mut bob = signed_in(&pds, "bob.test").await;
    bob.get("/account/u/bob.test/security").await;
    for page in ["", "/app", "/app/remove", "/passkeys", "/mail", "/codes"] {
        let view = bob.get(&path(&alice, page)).await;
        assert!(view.location.starts_with(SIGN_IN), "{page}: {view:?}");
        if !page.is_empty() {
            bob.get("/account/u/bob.test/security").await;
            let view = bob.submit(&path(&alice, page), &[]).await;
            assert!(view.location.starts_with(SIGN_IN), "{page}: {view:?}");
        }
    }
}

#[tokio::test]
async fn mailed_codes_are_turned_on_and_off() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let mail = path(&alice, "/mail");
    assert!(browser.get(&mail).await.has("Confirm your e-mail address first"));
    assert_eq!(browser.submit(&mail, &[("on", "1")]).await.status, 422);
    alice.add_mailed_codes(&pds).await;

    // The sign-in with the password alone is not enough any more.
    assert!(browser.get(&mail).await.location.starts_with(SIGN_IN));
    let fields = [("username", "alice.test"), ("password", PASSWORD)];
    let mut browser = Browser::new(&pds);
    let view = browser.fill(SIGN_IN, &fields).await;
    let page = browser.follow(&view).await;
    let code = pds.mailed_code("alice@mail.test");
    assert_eq!(show_code(&mut browser, &page, "mail", &code).await.status, 303);
    let page = browser.get(&mail).await;
    assert!(page.has("Codes go to") && page.has("the password alone is enough"), "{page:?}");
    let view = browser.submit(&mail, &[("off", "1")]).await;
    assert!(browser.follow(&view).await.has("Codes by e-mail are turned off."));
    pds.letter("alice@mail.test", "Codes by e-mail turned off").await;
    let mut other = Browser::new(&pds);
    assert_eq!(other.fill(SIGN_IN, &fields).await.location, format!("/account/u/{}", alice.did));
    let page = browser.get(&mail).await;
    assert!(page.has("Codes will go to"), "{page:?}");
    let view = browser.submit(&mail, &[("on", "1")]).await;
    assert!(browser.follow(&view).await.has("We mail you a code when you sign in."));
    pds.letter("alice@mail.test", "Codes by e-mail turned on").await;
    pds.world.clock().advance(STEP);
    assert!(other.fill(SIGN_IN, &fields).await.location.starts_with(CODE));
}
