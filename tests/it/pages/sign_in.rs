//! Signing in and out, and what must not come of it.

use std::time::Duration;

use cairn_tests::{Browser, PASSWORD, TestPds};
use serde_json::json;

use super::{SIGN_IN, sign_in, signed_in};

#[tokio::test]
async fn people_sign_in_by_any_of_their_names() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let home = format!("/account/u/{}", alice.did);
    for name in ["alice.test", "@Alice.test", "alice", "ALICE@mail.test", alice.did.as_str()] {
        let mut browser = Browser::new(&pds);
        let view = sign_in(&mut browser, name).await;
        assert_eq!((view.status, view.location.as_str()), (303, home.as_str()), "{name}");
        let view = browser.follow(&view).await;
        assert!(view.status == 200 && view.has("alice.test"), "{view:?}");
    }
    // Nobody else sees the page.
    let view = Browser::new(&pds).get(&home).await;
    assert_eq!(view.status, 303);
    assert!(view.location.starts_with("/account/sign-in?login_hint=did"), "{view:?}");
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_the_field() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let made = alice.call("com.atproto.server.createAppPassword", json!({ "name": "phone" })).await;
    let app_password = made.ok()["password"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&pds);

    let view = browser.fill(SIGN_IN, &[("username", ""), ("password", "")]).await;
    assert!(view.error("username").starts_with("Type your handle"));
    assert!(view.error("password").starts_with("Type your password"));
    for name in ["alice.test", "nobody.test", "no name at all"] {
        let view = browser.fill(SIGN_IN, &[("username", name), ("password", "wrong")]).await;
        assert!(view.error("password").starts_with("Name and password do not go together"));
        assert_eq!(view.field("username"), name);
        assert!(!view.has("value=\"wrong\""), "a password does not come back");
    }
    let fields = [("username", "alice.test"), ("password", app_password.as_str())];
    let view = browser.fill(SIGN_IN, &fields).await;
    assert!(view.error("password").starts_with("This is a password for an app"));

    let takedown = json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": alice.did },
        "takedown": { "applied": true },
    });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    let view = sign_in(&mut browser, "alice.test").await;
    assert!(view.status == 422 && view.has("was taken down by the moderators"), "{view:?}");
}

#[tokio::test]
async fn a_browser_keeps_several_accounts() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bob").await);
    let mut browser = signed_in(&pds, "alice.test").await;
    // With one account there is nothing to choose.
    assert_eq!(browser.get("/account").await.location, format!("/account/u/{}", alice.did));
    sign_in(&mut browser, "bob.test").await;
    let view = browser.get("/account").await;
    assert!(view.has("alice.test") && view.has("bob.test"), "{view:?}");
    assert_eq!(browser.get("/account/u/alice.test").await.status, 200);

    let view = browser.submit("/account/sign-out", &[("account", alice.did.as_str())]).await;
    assert_eq!(view.location, "/account?choose=1");
    let view = browser.follow(&view).await;
    assert!(view.has("You are signed out.") && view.has("bob.test") && !view.has("alice.test"));
    assert_eq!(browser.get(&format!("/account/u/{}", alice.did)).await.status, 303);
    assert_eq!(browser.get(&format!("/account/u/{}", bob.did)).await.status, 200);

    let view = browser.submit("/account/sign-out", &[]).await;
    assert_eq!(view.location, "/account/sign-in");
    assert_eq!(browser.get(&format!("/account/u/{}", bob.did)).await.status, 303);
}

#[tokio::test]
async fn the_secret_of_a_browser_changes_when_somebody_signs_in_or_out() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    pds.account("bob").await;
    let mut attacker = Browser::new(&pds);
    attacker.get(SIGN_IN).await;
    // A secret that was planted before the first sign-in, and one that was seen between two.
    let mut victim = attacker.clone();
    sign_in(&mut victim, "alice.test").await;
    assert_ne!(victim.cookies["device"], attacker.cookies["device"]);
    assert_eq!(attacker.get("/account/u/alice.test").await.status, 303);
    let mut thief = victim.clone();
    sign_in(&mut victim, "bob.test").await;
    assert_eq!(victim.get("/account/u/bob.test").await.status, 200);
    assert_eq!(thief.get("/account/u/bob.test").await.status, 303);
    assert_eq!(thief.get("/account/u/alice.test").await.status, 303);
    let mut thief = victim.clone();
    victim.get("/account").await;
    victim.submit("/account/sign-out", &[]).await;
    assert_eq!(thief.get("/account/u/bob.test").await.status, 303);
}

#[tokio::test]
async fn a_sign_in_that_is_not_to_be_remembered_ends_with_the_browser() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let mut browser = Browser::new(&pds);
    browser.fill(SIGN_IN, &[("username", "alice.test"), ("password", PASSWORD)]).await;
    assert_eq!(browser.get("/account/u/alice.test").await.status, 200);
    let mut later = browser.clone();
    later.cookies.remove("visit").expect("a cookie that ends with the browser");
    assert_eq!(later.get("/account/u/alice.test").await.status, 303);
    pds.world.clock().advance(Duration::from_secs(2 * 3_600));
    assert_eq!(browser.get("/account/u/alice.test").await.status, 303);
    let mut browser = signed_in(&pds, "alice.test").await;
    pds.world.clock().advance(Duration::from_secs(30 * 86_400));
    assert_eq!(browser.get("/account/u/alice.test").await.status, 200);
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let home = format!("/account/u/{}", alice.did);
    for (next, to) in [
        ("/account?choose=1", "/account?choose=1"),
        ("https://evil.example/", home.as_str()),
        ("//evil.example/account", home.as_str()),
        ("/\\evil.example", home.as_str()),
        ("/account/../../evil", home.as_str()),
        ("javascript:alert(1)", home.as_str()),
    ] {
        let mut browser = Browser::new(&pds);
        let fields = [("username", "alice"), ("password", PASSWORD), ("next", next)];
        assert_eq!(browser.fill(SIGN_IN, &fields).await.location, to, "{next}");
        browser.get(SIGN_IN).await;
        let fields = [("theme", "dark"), ("next", next)];
        let view = browser.submit("/account/preferences", &fields).await;
        assert!(view.location.starts_with('/') && !view.location.contains("evil"), "{view:?}");
    }
}

#[tokio::test]
async fn a_page_that_is_out_of_date_leads_back_to_a_fresh_one() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    // The page with the form was of before the sign-in.
    let view = browser.submit(SIGN_IN, &[("username", "alice"), ("password", PASSWORD)]).await;
    assert!(view.status == 403 && view.has("open for too long"), "{view:?}");
    assert!(view.has("href=\"/account/sign-in\""), "{view:?}");
    let mut browser = signed_in(&pds, "alice.test").await;
    let fields = [("theme", "dark"), ("next", "/account?choose=1")];
    let view = browser.submit("/account/preferences", &fields).await;
    assert!(view.status == 403 && view.has("href=\"/account?choose=1\""), "{view:?}");
}

#[tokio::test]
async fn a_change_of_the_password_signs_browsers_out() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let input = json!({ "did": alice.did, "password": "another password" });
    pds.admin().call("com.atproto.admin.updateAccountPassword", input).await.ok();
    assert_eq!(browser.get("/account/u/alice.test").await.status, 303);
}

#[tokio::test]
async fn the_owner_hears_of_a_new_browser() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let letters = || {
        pds.mail()
            .into_iter()
            .filter(|mail| mail.subject == "New sign-in to your account")
            .collect()
    };
    let mut seen: Vec<cairn_server::mail::Mail> = Vec::new();
    while seen.is_empty() {
        tokio::task::yield_now().await;
        seen = letters();
    }
    assert!(seen[0].text.contains("Mozilla/5.0 (test)"), "{}", seen[0].text);
    // The same browser once more is no news.
    sign_in(&mut browser, "alice.test").await;
    let mut other = signed_in(&pds, "alice.test").await;
    while seen.len() < 2 {
        tokio::task::yield_now().await;
        seen = letters();
    }
    assert_eq!(other.get("/account/u/alice.test").await.status, 200);
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn a_mailed_code_is_asked_for_where_the_owner_wants_it() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = true).await;
    let alice = pds.account("alice").await;
    alice.add_mailed_codes(&pds).await;

    let mut browser = Browser::new(&pds);
    let fields = [
        ("username", "alice.test"),
        ("password", PASSWORD),
        ("remember", "1"),
        ("next", "/account?choose=1"),
    ];
    let view = browser.fill(SIGN_IN, &fields).await;
    assert!(view.location.starts_with("/account/sign-in/code?pending="), "{view:?}");
    let mut view = browser.follow(&view).await;
    assert!(view.has("a•••@mail.test"), "{view:?}");
    assert_eq!(browser.get("/account/u/alice.test").await.status, 303);
    let pending = view.field("pending");
    let step = "/account/sign-in/code";
    let first = pds.mailed_code("alice@mail.test");
    view = browser.submit(step, &[("pending", &pending), ("change", "mail")]).await;
    assert!(browser.follow(&view).await.has("Another code is on its way."));
    for wrong in ["", "AAAAA-BBBBB", first.as_str()] {
        let view = browser.submit(step, &[("pending", &pending), ("code", wrong)]).await;
        assert!(view.error("code").starts_with("This is not the newest code"), "{wrong}");
    }
    // After too many mails those before are good, and the page to type them into is there.
    while !view.has("We have mailed several codes just now.") {
        let view_at = browser.submit(step, &[("pending", &pending), ("change", "mail")]).await;
        assert_eq!(view_at.status, 303, "{view_at:?}");
        view = browser.follow(&view_at).await;
        assert!(view.has("name=\"code\""), "{view:?}");
    }
    let code = pds.mailed_code("alice@mail.test");
    // What the page carries is of no use in another browser.
    let mut other = Browser::new(&pds);
    other.get(SIGN_IN).await;
    let view = other.submit(step, &[("pending", &pending), ("code", &code)]).await;
    assert_eq!(view.location, "/account/sign-in");
    assert!(other.follow(&view).await.has("Sign in once more."));

    let fields = [("pending", pending.as_str()), ("code", &code), ("next", "/account?choose=1")];
    let view = browser.submit(step, &fields).await;
    assert_eq!((view.status, view.location.as_str()), (303, "/account?choose=1"), "{view:?}");
    assert_eq!(browser.get("/account/u/alice.test").await.status, 200);
}

#[tokio::test]
async fn the_console_opens_with_the_password_in_one_browser() {
    let pds = TestPds::start().await;
    let mut browser = Browser::new(&pds);
    let view = browser.fill("/admin/sign-in", &[("password", "wrong")]).await;
    assert!(view.error("password").starts_with("This is not the admin password"));
    let password = [("password", cairn_tests::ADMIN_PASSWORD)];
    assert_eq!(browser.submit("/admin/sign-in", &password).await.location, "/admin");
    let sign_out = "/admin/sign-out";
    // The cookie alone is of no use elsewhere, and not for ever.
    let mut other = Browser::new(&pds);
    other.get("/admin/sign-in").await;
    other.cookies.insert("admin".to_owned(), browser.cookies["admin"].clone());
    assert!(other.submit(sign_out, &[]).await.location.starts_with("/admin/sign-in?next="));
    let mut later = browser.clone();
    pds.world.clock().advance(Duration::from_secs(13 * 3_600));
    assert!(later.submit(sign_out, &[]).await.location.starts_with("/admin/sign-in?next="));
    browser.fill("/admin/sign-in", &password).await;
    assert_eq!(browser.submit(sign_out, &[]).await.location, "/admin/sign-in");
    assert!(!browser.cookies.contains_key("admin"));
}
