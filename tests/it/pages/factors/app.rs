//! Authenticator apps.

use cairn_tests::{Browser, PASSWORD, TestPds};
use serde_json::json;

use super::{
    App, CODE, SIGN_IN, STEP, add_app, after_password, begin_app, create_session, path, show_code,
    signed_in,
};

#[tokio::test]
async fn an_app_is_set_up_by_its_first_code_and_asked_for_from_then_on() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let void = begin_app(&alice, &mut browser).await;
    let app = begin_app(&alice, &mut browser).await;
    // Whoever is signed in elsewhere sees another one, and confirms none of this browser's.
    let mut elsewhere = signed_in(&pds, "alice.test").await;
    assert!(!elsewhere.get(&path(&alice, "/app")).await.has("id=\"secret\""));
    let view = elsewhere.submit(&path(&alice, "/app"), &[("code", &app.code(&pds))]).await;
    assert_eq!(view.location, path(&alice, "/app"), "{view:?}");
    // Nothing is asked for before a code was right, and the secret before is void.
    for wrong in [void.code(&pds).as_str(), "000000", ""] {
        let view = browser.submit(&path(&alice, "/app"), &[("code", wrong)]).await;
        assert!(view.error("code").starts_with("The app shows another code"), "{wrong}");
        assert!(view.has("id=\"secret\"") && view.has("<svg viewBox"), "{view:?}");
    }
    create_session(&pds, &alice, None).await.ok();
    let view = browser.submit(&path(&alice, "/app"), &[("code", &app.code(&pds))]).await;
    assert!(view.has("Your recovery codes") && view.has("The authenticator app is set up."));
    assert!(
        pds.letter("alice@mail.test", "Authenticator app set up")
            .await
            .text
            .contains("Mozilla/5.0 (test)")
    );

    // It is not shown again.
    let view = browser.get(&path(&alice, "/app")).await;
    assert_eq!(view.location, path(&alice, ""));
    let page = browser.follow(&view).await;
    assert!(page.has("10 codes left") && page.has("/app/remove"), "{page:?}");

    pds.world.clock().advance(STEP);
    let fields =
        [("username", "alice.test"), ("password", PASSWORD), ("next", "/account?choose=1")];
    let mut other = Browser::new(&pds);
    let view = other.fill(SIGN_IN, &fields).await;
    assert!(view.location.starts_with(CODE), "{view:?}");
    let page = other.follow(&view).await;
    assert!(page.has("Open your authenticator app") && page.has("inputmode=\"numeric\""));
    assert!(page.has(">alice.test</b>"), "{page:?}");
    assert!(page.has("href=\"/account/sign-in?next=%2Faccount%3Fchoose%3D1\""), "{page:?}");
    assert_eq!(other.get(&path(&alice, "")).await.status, 303);
    let view = show_code(&mut other, &page, "app", "000000").await;
    assert!(view.error("code").starts_with("This code is not right"));
    let (pending, code) = (page.field("pending"), app.code(&pds));
    let next = ("next", "/account?choose=1");
    let view = other.submit(CODE, &[("pending", &pending), ("code", &code), next]).await;
    assert_eq!((view.status, view.location.as_str()), (303, "/account?choose=1"), "{view:?}");
    assert_eq!(other.get(&path(&alice, "")).await.status, 200);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let (app, _) = add_app(&pds, &alice, &mut browser).await;
    // The one that set it up is used.
    let (mut first, first_page) = after_password(&pds, "alice.test").await;
    let view = show_code(&mut first, &first_page, "app", &app.code(&pds)).await;
    assert!(view.error("code").starts_with("This code was used already"));
    pds.world.clock().advance(STEP);
    let (mut second, second_page) = after_password(&pds, "alice.test").await;
    let code = app.code(&pds);
    let (one, two) = tokio::join!(
        show_code(&mut first, &first_page, "app", &code),
        show_code(&mut second, &second_page, "app", &code),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422], "{one:?} {two:?}");
    assert_eq!(create_session(&pds, &alice, Some(&code)).await, (400, "ExpiredToken"));
}

#[tokio::test]
async fn guesses_are_counted_by_account() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let bob = pds.account("bob").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let (app, codes) = add_app(&pds, &alice, &mut browser).await;
    let mut browser = signed_in(&pds, "bob.test").await;
    let (bobs, _) = add_app(&pds, &bob, &mut browser).await;
    pds.world.clock().advance(STEP);
    // Setting it up was one.
    let (mut browser, page) = after_password(&pds, "alice.test").await;
    for guess in 0..6 {
        let view = show_code(&mut browser, &page, "app", "000000").await;
        assert_eq!(view.status, 422, "{guess}");
    }
    for _ in 0..3 {
        assert_eq!(create_session(&pds, &alice, Some("000000")).await, (400, "InvalidToken"));
    }
    let refused = create_session(&pds, &alice, Some(&app.code(&pds))).await;
    assert_eq!(refused, (429, "RateLimitExceeded"));
    for (with, right) in [("app", app.code(&pds)), ("recovery", codes[0].clone())] {
        let view = show_code(&mut browser, &page, with, &right).await;
        assert_eq!(view.status, 429, "{with}");
    }
    // Others at the same address go on.
    create_session(&pds, &bob, Some(&bobs.code(&pds))).await.ok();
    pds.world.clock().advance(10 * STEP);
    create_session(&pds, &alice, Some(&app.code(&pds))).await.ok();
}

#[tokio::test]
async fn guesses_are_counted_even_where_nothing_else_is() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = false).await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    add_app(&pds, &alice, &mut browser).await;
    for _ in 0..9 {
        assert_eq!(create_session(&pds, &alice, Some("000000")).await, (400, "InvalidToken"));
    }
    assert_eq!(create_session(&pds, &alice, Some("000000")).await, (429, "RateLimitExceeded"));
}

#[tokio::test]
async fn programs_send_the_code_with_the_password() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let made = alice.call("com.atproto.server.createAppPassword", json!({ "name": "phone" })).await;
    let app_password = made.ok()["password"].as_str().unwrap().to_owned();
    let mut browser = signed_in(&pds, "alice.test").await;
    let (app, codes) = add_app(&pds, &alice, &mut browser).await;
    pds.world.clock().advance(STEP);
    let letters = pds.mail().len();
    for given in [None, Some(""), Some(" ")] {
        let refused = create_session(&pds, &alice, given).await;
        assert_eq!(refused, (401, "AuthFactorTokenRequired"));
    }
    assert_eq!(pds.mail().len(), letters, "nothing is mailed");
    create_session(&pds, &alice, Some(&app.code(&pds))).await.ok();
    create_session(&pds, &alice, Some(&codes[3])).await.ok();
    assert_eq!(create_session(&pds, &alice, Some(&codes[3])).await, (400, "InvalidToken"));
    // App passwords are for programs that have no app, and sessions go on.
    alice.sign_in(&pds, &app_password).await;
    alice.refresher().poke("com.atproto.server.refreshSession").await.ok();
}

#[tokio::test]
async fn a_new_password_does_not_take_the_app_along() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let (app, _) = add_app(&pds, &alice, &mut browser).await;
    // Whoever has the old password uses up what may be guessed with it.
    while create_session(&pds, &alice, Some("000000")).await.status != 429 {}
    let input = json!({ "email": "alice@mail.test" });
    pds.anyone.call("com.atproto.server.requestPasswordReset", input).await.ok();
    let mut token = None;
    while token.is_none() {
        tokio::task::yield_now().await;
        let mails = pds.mail();
        let reset = mails.iter().find(|mail| mail.subject == "Password Reset Requested");
        token = reset.map(|mail| cairn_tests::code_in(&mail.text).unwrap());
    }
    let input = json!({ "token": token, "password": PASSWORD });
    pds.anyone.call("com.atproto.server.resetPassword", input).await.ok();
    assert_eq!(create_session(&pds, &alice, None).await, (401, "AuthFactorTokenRequired"));
    pds.world.clock().advance(STEP);
    create_session(&pds, &alice, Some(&app.code(&pds))).await.ok();
}

#[tokio::test]
async fn the_owner_chooses_among_the_ways() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.add_mailed_codes(&pds).await;
    let (mut browser, page) = after_password(&pds, "alice.test").await;
    assert!(page.has("a•••@mail.test") && !page.has("value=\"recovery\""), "{page:?}");
    let code = pds.mailed_code("alice@mail.test");
    show_code(&mut browser, &page, "mail", &code).await;
    let (app, codes) = add_app(&pds, &alice, &mut browser).await;
    let letters = pds.mail().len();
    let (mut browser, page) = after_password(&pds, "alice.test").await;
    assert!(page.has("Open your authenticator app"), "the app comes first: {page:?}");
    let pending = page.field("pending");
    // Nothing is mailed before it is asked for, and nothing is offered that the account has not.
    let ours =
        |pds: &TestPds| pds.mail().iter().filter(|mail| mail.subject == "Sign-in Code").count();
    assert_eq!(ours(&pds), 1, "{letters}");
    assert!(!page.has("name=\"change\" value=\"passkey\""), "{page:?}");
    let view = browser.submit(CODE, &[("pending", &pending), ("change", "passkey")]).await;
    assert_eq!(view.location, SIGN_IN);
    browser.get(&format!("{CODE}?pending={pending}")).await;
    let view = browser.submit(CODE, &[("pending", &pending), ("change", "mail")]).await;
    let page = browser.follow(&view).await;
    assert!(page.has("a•••@mail.test"), "{page:?}");
    assert_eq!(ours(&pds), 2);
    // A code of the one is no code of the other.
    pds.world.clock().advance(STEP);
    let view = show_code(&mut browser, &page, "mail", &app.code(&pds)).await;
    assert!(view.error("code").starts_with("This is not the newest code"));
    let view = show_code(&mut browser, &page, "app", &codes[0]).await;
    assert!(view.error("code").starts_with("This code is not right"));
    let mails = pds.mail();
    let mailed = mails.iter().find(|mail| mail.subject == "Sign-in Code").unwrap();
    let code = cairn_tests::code_in(&mailed.text).unwrap();
    let view = show_code(&mut browser, &page, "mail", &code).await;
    assert_eq!(view.status, 303, "{view:?}");
}

#[tokio::test]
async fn an_app_is_removed_with_its_recovery_codes() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let (App(secret), codes) = add_app(&pds, &alice, &mut browser).await;
    let page = browser.get(&path(&alice, "/app/remove")).await;
    assert!(page.has("the password alone is enough"), "{page:?}");
    let view = browser.submit(&path(&alice, "/app/remove"), &[]).await;
    let page = browser.follow(&view).await;
    assert!(page.has("The authenticator app is removed.") && !page.has("codes left"), "{page:?}");
    pds.letter("alice@mail.test", "Authenticator app removed").await;
    create_session(&pds, &alice, None).await.ok();
    // Another set-up has another secret and other codes.
    let (App(other), others) = add_app(&pds, &alice, &mut browser).await;
    assert!(secret != other && codes[0] != others[0]);
    assert_eq!(create_session(&pds, &alice, Some(&codes[0])).await, (400, "InvalidToken"));
}
