//! Browsers that are not asked for the second factor again.

use std::time::Duration;

use cairn_tests::{Browser, Ceremony, OAuthApp, PASSWORD, TestAccount, TestPds, View};
use serde_json::json;

use super::{
    App, CODE, SIGN_IN, STEP, add_app, add_passkey, after_password, create_session, path, post,
    show_code, signed_in,
};

const DAY: Duration = Duration::from_secs(86_400);
const TICK: &str = "name=\"trust\"";
const TICKED: &str = "name=\"trust\" value=\"1\" checked";

/// An account with an authenticator app, and its recovery codes.
async fn secured(pds: &TestPds) -> (TestAccount, App, Vec<String>) {
    let alice = pds.account("alice").await;
    let mut browser = signed_in(pds, "alice.test").await;
    let (app, codes) = add_app(pds, &alice, &mut browser).await;
    pds.world.clock().advance(STEP);
    (alice, app, codes)
}

/// A browser on which the second factor was shown with the wish to be trusted.
async fn trusting(pds: &TestPds, app: &App) -> Browser {
    pds.world.clock().advance(STEP);
    let (mut browser, page) = after_password(pds, "alice.test").await;
    let fields = [("pending", page.field("pending")), ("code", app.code(pds))];
    let [(_, pending), (_, code)] = &fields;
    let sent = [("pending", pending.as_str()), ("with", "app"), ("code", code), ("trust", "1")];
    let view = browser.submit(CODE, &sent).await;
    assert_eq!(view.status, 303, "{view:?}");
    browser
}

/// Signs out where somebody sits.
async fn sign_out(browser: &mut Browser) {
    browser.get(SIGN_IN).await;
    let view = browser.submit("/account/sign-out", &[]).await;
    assert_eq!(view.location, SIGN_IN, "{view:?}");
}

/// Signs out where somebody sits, and in again with the password.
async fn again(browser: &mut Browser) -> View {
    sign_out(browser).await;
    let fields = [("username", "alice.test"), ("password", PASSWORD), ("remember", "1")];
    browser.fill(SIGN_IN, &fields).await
}

fn home(of: &TestAccount) -> String {
    format!("/account/u/{}", of.did)
}

#[tokio::test]
async fn a_browser_that_is_trusted_is_asked_for_the_password_alone_for_thirty_days() {
    let pds = TestPds::start().await;
    let (alice, app, _) = secured(&pds).await;
    let (mut wary, page) = after_password(&pds, "alice.test").await;
    assert!(page.has(TICK) && !page.has(TICKED), "off unless it is wanted: {page:?}");
    // What is ticked stays so when the code was not right.
    let pending = page.field("pending");
    let fields = [("pending", pending.as_str()), ("with", "app"), ("code", "1"), ("trust", "1")];
    let refused = wary.submit(CODE, &fields).await;
    assert!(refused.status == 422 && refused.has(TICKED), "{refused:?}");
    show_code(&mut wary, &page, "app", &app.code(&pds)).await;
    assert!(again(&mut wary).await.location.starts_with(CODE), "nobody has asked for trust");

    let mut browser = trusting(&pds, &app).await;
    assert_eq!(again(&mut browser).await.location, home(&alice));
    // The wrong password is as wrong as ever.
    sign_out(&mut browser).await;
    let fields = [("username", "alice.test"), ("password", "wrong"), ("remember", "1")];
    assert_eq!(browser.fill(SIGN_IN, &fields).await.status, 422);
    pds.world.clock().advance(29 * DAY);
    assert_eq!(again(&mut browser).await.location, home(&alice));
    pds.world.clock().advance(DAY);
    assert!(again(&mut browser).await.location.starts_with(CODE));
}

#[tokio::test]
async fn trust_is_of_one_browser_and_one_account_and_of_no_program() {
    let pds = TestPds::start().await;
    let (alice, app, _) = secured(&pds).await;
    pds.account("bob").await;
    let mut bob = signed_in(&pds, "bob.test").await;
    let carol = pds.account("carol").await;
    let mut carols = signed_in(&pds, "carol.test").await;
    add_app(&pds, &carol, &mut carols).await;
    let mut browser = trusting(&pds, &app).await;
    // Somebody else who signs in here, and the same person elsewhere.
    let fields = [("username", "carol.test"), ("password", PASSWORD)];
    assert!(browser.fill(SIGN_IN, &fields).await.location.starts_with(CODE));
    let fields = [("username", "alice.test"), ("password", PASSWORD)];
    assert!(bob.fill(SIGN_IN, &fields).await.location.starts_with(CODE));
    // A cookie from before somebody signed in again is worth nothing.
    let mut thief = browser.clone();
    assert_eq!(again(&mut browser).await.location, home(&alice));
    assert!(thief.fill(SIGN_IN, &fields).await.location.starts_with(CODE));

    assert_eq!(create_session(&pds, &alice, None).await, (401, "AuthFactorTokenRequired"));
    let input = json!({ "identifier": alice.did, "password": PASSWORD });
    let request = browser.request(reqwest::Method::POST, "/xrpc/com.atproto.server.createSession");
    let request = request.header("content-type", "application/json").body(input.to_string());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 401, "the cookie is of no use there");
}

#[tokio::test]
async fn a_recovery_code_trusts_no_browser_and_passkeys_and_mailed_codes_do() {
    let pds = TestPds::start().await;
    let (alice, _, codes) = secured(&pds).await;
    let (mut browser, page) = after_password(&pds, "alice.test").await;
    let pending = page.field("pending");
    let view = browser.submit(CODE, &[("pending", &pending), ("change", "recovery")]).await;
    let page = browser.follow(&view).await;
    assert!(!page.has(TICK), "{page:?}");
    let fields =
        [("pending", pending.as_str()), ("with", "recovery"), ("code", &codes[0]), ("trust", "1")];
    assert_eq!(browser.submit(CODE, &fields).await.location, home(&alice));
    assert!(again(&mut browser).await.location.starts_with(CODE));

    let bob = pds.account("bob").await;
    let mut first = signed_in(&pds, "bob.test").await;
    let mut key = add_passkey(&pds, &bob, &mut first).await;
    let (mut browser, page) = after_password(&pds, "bob.test").await;
    assert!(page.has(TICK), "{page:?}");
    let pending = page.field("pending");
    let sent = key.sign(&Ceremony::of(&pds, &page));
    let more = [("pending", pending.as_str()), ("with", "passkey"), ("trust", "1")];
    let view = post(&mut browser, CODE, sent, &more).await;
    assert_eq!(view.location, home(&bob), "{view:?}");
    sign_out(&mut browser).await;
    let fields = [("username", "bob.test"), ("password", PASSWORD)];
    assert_eq!(browser.fill(SIGN_IN, &fields).await.location, home(&bob));

    let carol = pds.account("carol").await;
    carol.add_mailed_codes(&pds).await;
    let (mut browser, page) = after_password(&pds, "carol.test").await;
    let (pending, code) = (page.field("pending"), pds.mailed_code("carol@mail.test"));
    let fields = [("pending", pending.as_str()), ("with", "mail"), ("code", &code), ("trust", "1")];
    assert_eq!(browser.submit(CODE, &fields).await.location, home(&carol));
    let fields = [("username", "carol.test"), ("password", PASSWORD)];
    assert_eq!(browser.fill(SIGN_IN, &fields).await.location, home(&carol));
}

#[tokio::test]
async fn trust_changes_nothing_that_matters() {
    let pds = TestPds::start().await;
    let (alice, app, _) = secured(&pds).await;
    let mut browser = trusting(&pds, &app).await;
    assert_eq!(again(&mut browser).await.location, home(&alice));
    assert_eq!(browser.get(&path(&alice, "")).await.status, 200);
    let password = format!("{}/password", home(&alice));
    for page in [path(&alice, "/app/remove"), path(&alice, "/passkeys"), password] {
        let view = browser.get(&page).await;
        assert!(view.location.starts_with(SIGN_IN), "{page}: {view:?}");
    }
    // Signing in for that asks for the factor, trusted or not; and leaving the wish out leads round in a circle.
    let wanted = path(&alice, "/app/remove");
    let view = browser.get(&wanted).await;
    let page = browser.follow(&view).await;
    let (next, anew) = (page.field("next"), page.field("anew"));
    let fields = [("username", "alice.test"), ("password", PASSWORD), ("next", next.as_str())];
    let view = browser.submit(SIGN_IN, &fields).await;
    assert_eq!(view.location, wanted);
    assert!(browser.follow(&view).await.location.starts_with(SIGN_IN));
    let wrong = [("username", "alice.test"), ("password", "x"), ("anew", anew.as_str())];
    assert_eq!(browser.fill(SIGN_IN, &wrong).await.field("anew"), "1");
    let fields = [&fields[..], &[("anew", anew.as_str())]].concat();
    let view = browser.submit(SIGN_IN, &fields).await;
    assert!(view.location.starts_with(CODE), "{view:?}");
    let page = browser.follow(&view).await;
    pds.world.clock().advance(STEP);
    let (pending, code) = (page.field("pending"), app.code(&pds));
    let fields = [("pending", pending.as_str()), ("with", "app"), ("code", &code), ("next", &next)];
    let view = browser.submit(CODE, &fields).await;
    assert_eq!(view.location, wanted, "{view:?}");
    assert_eq!(browser.follow(&view).await.status, 200);
}

#[tokio::test]
async fn the_owner_sees_who_is_trusted_and_ends_it() {
    let pds = TestPds::start().await;
    let (alice, app, _) = secured(&pds).await;
    let sessions = format!("{}/sessions", home(&alice));
    let trusted = format!("{sessions}/trusted");
    let mut plain = signed_in_with(&pds, &app).await;
    assert!(!plain.get(&sessions).await.has("id=\"trusted\""));
    let mut here = trusting(&pds, &app).await;
    let mut other = trusting(&pds, &app).await;
    let mut third = trusting(&pds, &app).await;
    let page = here.get(&sessions).await;
    let ids = ids(&page);
    assert_eq!(ids.len(), 3, "{page:?}");
    let view = here.submit(&trusted, &[("browser", &ids[0])]).await;
    let page = here.follow(&view).await;
    assert!(page.has("That browser is asked for the second step again."), "{page:?}");
    assert_eq!(self::ids(&page).len(), 2);
    assert!(again(&mut here).await.location.starts_with(CODE), "its own row stands first");
    // One that is signed out from elsewhere is asked as well; who signs out there is not.
    assert_eq!(again(&mut other).await.location, home(&alice));
    assert_eq!(again(&mut third).await.location, home(&alice));
    let page = plain.get(&sessions).await;
    let (_, rest) = page.html.split_once("/sessions/browsers").unwrap();
    let (_, rest) = rest.split_once("name=\"browser\" value=\"").unwrap();
    let id = rest.split('"').next().unwrap().to_owned();
    plain.submit(&format!("{sessions}/browsers"), &[("browser", &id)]).await;
    let page = plain.get(&sessions).await;
    assert_eq!(self::ids(&page).len(), 1, "{page:?}");
    let view = plain.submit(&trusted, &[("all", "1")]).await;
    assert!(plain.follow(&view).await.has("All browsers are asked for the second step again."));
    for browser in [&mut other, &mut third] {
        assert!(again(browser).await.location.starts_with(CODE));
    }
}

/// A browser that is signed in with the factor and not trusted.
async fn signed_in_with(pds: &TestPds, app: &App) -> Browser {
    pds.world.clock().advance(STEP);
    let (mut browser, page) = after_password(pds, "alice.test").await;
    assert_eq!(show_code(&mut browser, &page, "app", &app.code(pds)).await.status, 303);
    browser
}

/// The browsers that the page lists as trusted.
fn ids(page: &View) -> Vec<String> {
    let Some((_, list)) = page.html.split_once("id=\"trusted\"") else { return Vec::new() };
    let list = list.split("</section>").next().unwrap();
    let ids = list.split("name=\"browser\" value=\"").skip(1);
    ids.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_operator_s_new_password_ends_trust_and_letters_go_on() {
    let pds = TestPds::start().await;
    let (alice, app, _) = secured(&pds).await;
    let mut browser = trusting(&pds, &app).await;
    pds.letter("alice@mail.test", "New sign-in to your account").await;
    assert_eq!(again(&mut browser).await.location, home(&alice));
    let input = json!({ "did": alice.did, "password": PASSWORD });
    pds.admin().call("com.atproto.admin.updateAccountPassword", input).await.ok();
    let fields = [("username", "alice.test"), ("password", PASSWORD)];
    let view = browser.fill(SIGN_IN, &fields).await;
    assert!(view.location.starts_with(CODE), "{view:?}");
}

#[tokio::test]
async fn an_app_gets_in_from_a_trusted_browser_for_as_long_as_it_is_one() {
    let pds = TestPds::start().await;
    let (alice, app, _) = secured(&pds).await;
    let mut browser = trusting(&pds, &app).await;
    sign_out(&mut browser).await;
    let client = OAuthApp::loopback(&pds.world, "atproto");
    let pushed = client.push(&pds, &[]).await;
    let view = browser.get(&pushed.page).await;
    let page = browser.follow(&view).await;
    let next = page.field("next");
    let fields = [("username", "alice.test"), ("password", PASSWORD), ("next", next.as_str())];
    let view = browser.submit(SIGN_IN, &fields).await;
    let page = browser.follow(&view).await;
    assert!(page.has("value=\"allow\""), "{page:?}");
    // Ended meanwhile: the page that is open is no way round.
    let mut other = signed_in_with(&pds, &app).await;
    let sessions = format!("{}/sessions", home(&alice));
    other.get(&sessions).await;
    other.submit(&format!("{sessions}/trusted"), &[("all", "1")]).await;
    let fields = [
        ("request_uri", pushed.request_uri.as_str()),
        ("account", alice.did.as_str()),
        ("decision", "allow"),
    ];
    let view = browser.submit("/oauth/authorize/request", &fields).await;
    let view = browser.follow(&view).await;
    assert!(view.location.starts_with(SIGN_IN), "{view:?}");
    let page = browser.follow(&view).await;
    let next = page.field("next");
    let fields = [("username", "alice.test"), ("password", PASSWORD), ("next", next.as_str())];
    assert!(browser.submit(SIGN_IN, &fields).await.location.starts_with(CODE));
}

/// What the pages of an account ask everything for again, an app does not get from a password and a browser.
#[tokio::test]
async fn an_app_that_could_cost_the_account_takes_the_factor_itself() {
    let pds = TestPds::start().await;
    let (_, app, _) = secured(&pds).await;
    for scope in [
        "atproto identity:*",
        "atproto identity:handle",
        "atproto account:repo?action=manage",
        "atproto account:status?action=manage",
    ] {
        let mut browser = trusting(&pds, &app).await;
        sign_out(&mut browser).await;
        let client = OAuthApp::loopback(&pds.world, scope);
        let pushed = client.push(&pds, &[]).await;
        let view = browser.get(&pushed.page).await;
        let page = browser.follow(&view).await;
        let next = page.field("next");
        let (name, password) = (("username", "alice.test"), ("password", PASSWORD));
        let fields = [name, password, ("next", &*next), ("anew", &*page.field("anew"))];
        let view = browser.submit(SIGN_IN, &fields).await;
        assert!(view.location.starts_with(CODE), "{scope}: {view:?}");
        // Leaving that wish out leads back to it.
        let view = browser.submit(SIGN_IN, &fields[..3]).await;
        let view = browser.follow(&view).await;
        assert!(view.location.starts_with(SIGN_IN), "{scope}: {view:?}");
        // The next code of the app.
        pds.world.clock().advance(Duration::from_secs(120));
    }
}
