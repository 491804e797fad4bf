//! What an account's owner reads of sign-ins and changes.

use std::time::Duration;

use cairn_tests::{OAuthApp, PASSWORD, TestAccount, TestPds, View};
use serde_json::json;

use super::{
    CODE, SIGN_IN, STEP, add_app, add_passkey, after_password, create_session, show_code, signed_in,
};

const DAY: Duration = Duration::from_secs(86_400);

fn history(of: &TestAccount) -> String {
    format!("/account/u/{}/sessions/history", of.did)
}

/// What happened, as the page tells it, the latest first.
fn told(page: &View) -> Vec<String> {
    let entries = page.html.split("<b dir=\"auto\">").skip(1);
    entries.map(|rest| rest.split('<').next().unwrap().replace("&#39;", "'")).collect()
}

#[tokio::test]
async fn owners_read_what_happened_with_time_browser_and_address() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&format!("/account/u/{}/sessions", alice.did)).await;
    assert!(page.has("/sessions/history"), "{page:?}");
    let page = browser.get(&history(&alice)).await;
    // The account was made by a program, which got a session with it.
    assert_eq!(told(&page), ["Signed in", "An app signed in with your password"]);
    assert!(page.has("Mozilla/5.0 (test)") && page.has("127.0.0.1"), "{page:?}");
    assert!(page.has("with password"), "{page:?}");

    let (app, _) = add_app(&pds, &alice, &mut browser).await;
    let made = alice.call("com.atproto.server.createAppPassword", json!({ "name": "<Bot>" })).await;
    let made = made.ok()["password"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        alice.sign_in(&pds, &made).await;
    }
    create_session(&pds, &alice, Some("000000")).await;
    let (mut other, page) = after_password(&pds, "alice.test").await;
    assert_eq!(show_code(&mut other, &page, "app", "111111").await.status, 422);
    pds.world.clock().advance(STEP);
    assert_eq!(show_code(&mut other, &page, "app", &app.code(&pds)).await.status, 303);
    let page = other.get(&history(&alice)).await;
    let refused = "The password was right, what is asked for besides was not: authenticator app";
    assert_eq!(
        told(&page),
        [
            "Signed in",
            refused,
            refused,
            "An app signed in with the app password: &#60;Bot&#62;",
            "App password made: &#60;Bot&#62;",
            "New recovery codes",
            "Authenticator app set up",
            "Signed in",
            "An app signed in with your password",
        ]
    );
    assert!(page.has("2 times") && page.has("with password, authenticator app"), "{page:?}");

    // Nobody else reads it.
    pds.account("bob").await;
    let mut bob = signed_in(&pds, "bob.test").await;
    assert!(bob.get(&history(&alice)).await.location.starts_with(SIGN_IN));
}

#[tokio::test]
async fn changes_apps_and_what_the_operator_does_are_told() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    add_passkey(&pds, &alice, &mut browser).await;
    let client = OAuthApp::loopback(&pds.world, "atproto");
    let pushed = client.push(&pds, &[]).await;
    browser.get(&pushed.page).await;
    let fields = [
        ("request_uri", pushed.request_uri.as_str()),
        ("account", alice.did.as_str()),
        ("decision", "allow"),
    ];
    let view = browser.submit("/oauth/authorize/request", &fields).await;
    client.code(&pds, &view);
    browser.get(&format!("/account/u/{}/password", alice.did)).await;
    let fresh = "another long password";
    let fields = [("current", PASSWORD), ("password", fresh)];
    let view = browser.submit(&format!("/account/u/{}/password", alice.did), &fields).await;
    assert_eq!(view.status, 303, "{view:?}");
    let input = json!({ "did": alice.did, "password": PASSWORD });
    pds.admin().call("com.atproto.admin.updateAccountPassword", input).await.ok();
    let reset = json!({ "email": "alice@mail.test" });
    pds.anyone.call("com.atproto.server.requestPasswordReset", reset).await.ok();
    pds.letter("alice@mail.test", "Password Reset Requested").await;
    let code = pds.mailed_code("alice@mail.test");
    let input = json!({ "token": code, "password": PASSWORD });
    pds.anyone.call("com.atproto.server.resetPassword", input).await.ok();

    let view = browser.fill(SIGN_IN, &[("username", "alice.test"), ("password", PASSWORD)]).await;
    assert!(view.location.starts_with(CODE), "{view:?}");
    let mut browser = remove_factors(&pds, &alice).await;
    let page = browser.get(&history(&alice)).await;
    assert_eq!(
        told(&page)[..8],
        [
            "Signed in",
            "Everything asked for besides the password was removed by the operator",
            "New password, set with a mailed code",
            "New password, set by the operator",
            "New password",
            "You let an app in: An app on your device",
            "New recovery codes",
            "Passkey added: Phone",
        ]
    );
}

/// The operator removes the factors, and the owner signs in.
async fn remove_factors(pds: &TestPds, of: &TestAccount) -> cairn_tests::Browser {
    let mut console = crate::pages::console::operator(pds).await;
    let path = format!("/admin/accounts/{}/remove-factors", of.did);
    console.get(&path).await;
    assert_eq!(console.submit(&path, &[]).await.status, 303);
    signed_in(pds, "alice.test").await
}

#[tokio::test]
async fn a_long_history_is_read_by_pages() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for number in 0..30 {
        let name = json!({ "name": format!("app {number}") });
        alice.call("com.atproto.server.createAppPassword", name).await.ok();
    }
    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&history(&alice)).await;
    assert_eq!(told(&page).len(), 25);
    assert!(page.has(">Next<") && !page.has(">Previous<"), "{page:?}");
    assert!(page.has("/sessions/history?page=1\""), "{page:?}");
    let page = browser.get(&format!("{}?page=1", history(&alice))).await;
    assert_eq!(told(&page).len(), 7);
    assert_eq!(told(&page)[0], "App password made: app 5");
    assert!(page.has(">Previous<") && !page.has(">Next<"), "{page:?}");
    for beyond in ["9", &usize::MAX.to_string()] {
        let page = browser.get(&format!("{}?page={beyond}", history(&alice))).await;
        assert!(page.has("Nothing yet"), "{page:?}");
    }
    let page = browser.get(&format!("{}?page=x", history(&alice))).await;
    assert_eq!(told(&page).len(), 25);
    // After three months nothing is left but what has happened since.
    pds.world.clock().advance(90 * DAY);
    let page = browser.get(&history(&alice)).await;
    assert!(told(&page).is_empty(), "{page:?}");
}
