//! New accounts that a passkey opens from the start.

use cairn_server::config::SignUp;
use cairn_tests::{Authenticator, Browser, Ceremony, TestPds, View};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::{alone, codes, post};

const SIGN_UP: &str = "/account/sign-up";
const BY_PASSKEY: &str = "/account/sign-up/passkey";
const CARRIED: [&str; 5] = ["handle", "domain", "email", "next", "user"];

/// Fills the form in, as far as the page that asks for a passkey.
async fn begin(browser: &mut Browser, name: &str, next: &str) -> View {
    let email = format!("{name}@mail.test");
    let fields = [
        ("handle", name),
        ("domain", ".test"),
        ("email", email.as_str()),
        ("password", ""),
        ("next", next),
        ("by_passkey", "1"),
    ];
    browser.fill(SIGN_UP, &fields).await
}

/// Sends what the page has and what the authenticator has made.
async fn finish(
    browser: &mut Browser,
    page: &View,
    sent: Vec<(&'static str, String)>,
    more: &[(&str, &str)],
) -> View {
    let carried: Vec<(&str, String)> =
        CARRIED.iter().map(|name| (*name, page.field(name))).collect();
    let carried = carried.iter().map(|(name, value)| (*name, value.as_str()));
    let is_told = |name: &str| more.iter().any(|(told, _)| *told == name);
    let fields: Vec<(&str, &str)> =
        carried.filter(|(name, _)| !is_told(name)).chain(more.iter().copied()).collect();
    post(browser, BY_PASSKEY, sent, &fields).await
}

#[tokio::test]
async fn people_sign_up_with_a_passkey() {
    let mut pds = TestPds::start().await;
    let mut browser = Browser::new(&pds);
    let page = browser.get(SIGN_UP).await;
    assert!(page.has("name=\"by_passkey\"") && page.has("name=\"password\""), "{page:?}");
    let page = begin(&mut browser, "alice", "").await;
    assert_eq!((page.status, page.data("name").as_str()), (200, "alice.test"), "{page:?}");
    let asked = (page.data("resident"), page.data("verification"));
    assert_eq!((asked.0.as_str(), asked.1.as_str()), ("required", "required"));
    let mut key = Authenticator::for_page(&page);
    let sent = key.make(&Ceremony::of(&pds, &page));
    let view = finish(&mut browser, &page, sent, &[]).await;
    assert_eq!(codes(&view).len(), 10);
    assert!(view.has("Welcome!") && view.has("/account/u/did:plc:"), "{view:?}");
    pds.letter("alice@mail.test", "Email Confirmation").await;
    let overview = browser.get("/account/u/alice.test").await;
    assert!(overview.status == 200 && overview.has("not confirmed"), "{overview:?}");
    // No password opens it, and no empty one.
    for password in ["", "a password", "alice"] {
        let input = json!({ "identifier": "alice.test", "password": password });
        let reply = pds.anyone.call("com.atproto.server.createSession", input).await;
        assert_eq!(reply, (401, "AuthenticationRequired"));
    }
    pds.restart().await;
    let (mut other, view) = alone(&pds, &mut key).await;
    assert!(view.location.starts_with("/account/u/did:plc:"), "{view:?}");
    // The next passkey is for the same user, and opens the account too.
    let passkeys = "/account/u/alice.test/security/passkeys";
    let page = other.get(passkeys).await;
    assert_eq!(page.data("user"), BASE64URL_NOPAD.encode(&key.user));
    let mut second = Authenticator::for_page(&page);
    let sent = second.make(&Ceremony::of(&pds, &page));
    assert_eq!(post(&mut other, passkeys, sent, &[("label", "Key")]).await.status, 303);
    assert_eq!(alone(&pds, &mut second).await.1.status, 303);
}

#[tokio::test]
async fn who_comes_from_an_app_goes_on_to_it() {
    let pds = TestPds::start().await;
    let mut browser = Browser::new(&pds);
    let next = "/oauth/authorize?client_id=http%3A%2F%2Flocalhost&request_uri=urn%3Ax";
    let page = begin(&mut browser, "alice", next).await;
    assert_eq!(page.field("next").replace("&#38;", "&"), next);
    let mut key = Authenticator::for_page(&page);
    let sent = key.make(&Ceremony::of(&pds, &page));
    let view = finish(&mut browser, &page, sent, &[("next", next)]).await;
    assert!(view.has(&format!("href=\"{}\"", next.replace('&', "&#38;"))), "{view:?}");
}

#[tokio::test]
async fn nothing_is_made_without_a_good_passkey() {
    let pds = TestPds::start().await;
    pds.account("bob").await;
    let mut browser = Browser::new(&pds);
    assert!(begin(&mut browser, "bob", "").await.error("handle").starts_with("Somebody has"));
    let taken =
        [("handle", "carla"), ("domain", ".test"), ("email", "bob@mail.test"), ("by_passkey", "1")];
    let view = browser.fill(SIGN_UP, &taken).await;
    assert!(view.error("email").starts_with("There is an account with this address"));

    let page = begin(&mut browser, "alice", "").await;
    let mut key = Authenticator::for_page(&page);
    key.verifies = false;
    let sent = key.make(&Ceremony::of(&pds, &page));
    let view = finish(&mut browser, &page, sent, &[]).await;
    assert!(view.status == 422 && view.has("did not check that it is you"), "{view:?}");
    // The page asks anew, under the same name.
    assert_eq!(
        (view.field("handle").as_str(), view.data("name").as_str()),
        ("alice", "alice.test")
    );
    key.verifies = true;
    // For another user than the page has asked for; in another browser; not sent at all.
    let sent = key.make(&Ceremony::of(&pds, &view));
    let user = BASE64URL_NOPAD.encode(&[7; 32]);
    let refused = finish(&mut browser, &view, sent.clone(), &[("user", &user)]).await;
    assert!(refused.status == 422 && refused.has("That took too long"), "{refused:?}");
    let mut other = Browser::new(&pds);
    other.get(SIGN_UP).await;
    assert_eq!(finish(&mut other, &view, sent, &[]).await.status, 422);
    assert_eq!(finish(&mut browser, &view, Vec::new(), &[]).await.status, 422);
    let resolved =
        pds.anyone.query("com.atproto.identity.resolveHandle", &[("handle", "alice.test")]);
    assert_eq!(resolved.await.status, 400);

    // A challenge makes one account, a passkey belongs to one.
    let sent = key.make(&Ceremony::of(&pds, &view));
    assert_eq!(codes(&finish(&mut browser, &view, sent.clone(), &[]).await).len(), 10);
    let more = [("handle", "dora"), ("email", "dora@mail.test")];
    assert_eq!(finish(&mut browser, &view, sent, &more).await.status, 422);
    let page = begin(&mut browser, "dora", "").await;
    let sent = key.make(&Ceremony::of(&pds, &page));
    let view = finish(&mut browser, &page, sent, &[]).await;
    assert!(view.status == 422 && view.has("belongs to another account"), "{view:?}");
}

#[tokio::test]
async fn who_waits_for_approval_gets_in_with_the_passkey() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Approval).await;
    let mut browser = Browser::new(&pds);
    let page = begin(&mut browser, "alice", "").await;
    let mut key = Authenticator::for_page(&page);
    let sent = key.make(&Ceremony::of(&pds, &page));
    let view = finish(&mut browser, &page, sent, &[]).await;
    assert_eq!(view.location, "/account/sign-up/waiting", "{view:?}");
    let (_, view) = alone(&pds, &mut key).await;
    assert_eq!(view.location, "/account/sign-up/waiting", "{view:?}");
    let mut operator = Browser::new(&pds);
    operator.fill("/admin/sign-in", &[("password", cairn_tests::ADMIN_PASSWORD)]).await;
    let page = operator.get("/admin/approvals").await;
    let (_, at) = page.html.split_once("action=\"/admin/approvals/").unwrap();
    let approve = format!("/admin/approvals/{}/approve", at.split('/').next().unwrap());
    assert_eq!(operator.submit(&approve, &[]).await.status, 303);
    let (mut browser, view) = alone(&pds, &mut key).await;
    let home = view.location.clone();
    let view = browser.follow(&view).await;
    assert!(view.has("alice.test"), "{view:?}");
    // There was no moment for recovery codes before.
    let told = "only recovery codes let you in again";
    assert!(view.has(told) && view.has(&format!("{home}/security/codes")), "{view:?}");
    browser.get(&format!("{home}/security/codes")).await;
    browser.submit(&format!("{home}/security/codes"), &[]).await;
    assert!(!browser.get(&home).await.has(told));
}
