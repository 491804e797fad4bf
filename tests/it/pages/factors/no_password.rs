//! Accounts that do without a password.

use std::time::Duration;

use cairn_tests::{
    ADMIN_PASSWORD, Authenticator, Browser, Ceremony, PASSWORD, TestAccount, TestPds, View,
};
use serde_json::json;

use super::{SIGN_IN, add_passkey, alone, create_session, path, post, signed_in};
use crate::pages::sign_in;

const NEW: &str = "another long password";
const OTHER_KEY: &str = "This is not a passkey of this account.";

/// A page of the account.
fn page_of(of: &TestAccount, rest: &str) -> String {
    format!("/account/u/{}{rest}", of.did)
}

/// Shows a passkey where a page asks for it, with other fields.
async fn show(
    pds: &TestPds,
    browser: &mut Browser,
    page: &str,
    key: &mut Authenticator,
    more: &[(&str, &str)],
) -> View {
    let view = browser.get(page).await;
    let sent = key.sign(&Ceremony::of(pds, &view));
    post(browser, page.split('?').next().unwrap(), sent, more).await
}

/// What the form that removes a password asks for besides.
const CURRENT: &[(&str, &str)] = &[("current", PASSWORD)];

/// An account that only its passkey opens, and the browser that it is signed in on.
async fn without_password(pds: &TestPds, name: &str) -> (TestAccount, Browser, Authenticator) {
    let account = pds.account(name).await;
    account.confirm_email(pds).await;
    let mut browser = signed_in(pds, &format!("{name}.test")).await;
    let mut key = add_passkey(pds, &account, &mut browser).await;
    let remove = page_of(&account, "/password/remove");
    let view = show(pds, &mut browser, &remove, &mut key, CURRENT).await;
    assert_eq!(view.location, page_of(&account, "/password"), "{view:?}");
    (account, browser, key)
}

#[tokio::test]
async fn a_password_goes_once_there_are_other_ways_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let remove = page_of(&alice, "/password/remove");
    let view = browser.get(&remove).await;
    assert!(view.has("Add a passkey that checks") && view.has("Confirm your e-mail"), "{view:?}");
    assert!(!view.has("data-passkey"), "nothing to show yet: {view:?}");
    let view = browser.submit(&remove, &[]).await;
    assert!(view.status == 422 && view.has("Something has to be there first."), "{view:?}");

    let mut key = add_passkey(&pds, &alice, &mut browser).await;
    let view = browser.get(&remove).await;
    assert!(!view.has("Add a passkey that checks") && view.has("Confirm your e-mail"), "{view:?}");
    alice.confirm_email(&pds).await;
    let view = browser.get(&remove).await;
    assert!(view.has("a mail to alice@mail.test") && view.has("on one device only"), "{view:?}");
    assert_eq!(
        (view.data("known").as_str(), view.data("verification").as_str()),
        ("[]", "required")
    );

    // A passkey that somebody else has, one that does not say whose it is, one that checks nobody.
    let mut bobs = signed_in(&pds, "bob.test").await;
    let bob = pds.anyone.query("com.atproto.identity.resolveHandle", &[("handle", "bob.test")]);
    let bob = bob.await.ok()["did"].as_str().unwrap().to_owned();
    let page = bobs.get(&format!("/account/u/{bob}/security/passkeys")).await;
    let mut other = Authenticator::for_page(&page);
    let sent = other.make(&Ceremony::of(&pds, &page));
    post(&mut bobs, &format!("/account/u/{bob}/security/passkeys"), sent, &[]).await;
    let view = show(&pds, &mut browser, &remove, &mut other, CURRENT).await;
    assert!(view.status == 422 && view.has(OTHER_KEY), "{view:?}");
    let user = std::mem::take(&mut key.user);
    let view = show(&pds, &mut browser, &remove, &mut key, CURRENT).await;
    assert!(view.status == 422 && view.has(OTHER_KEY), "{view:?}");
    key.user = user;
    key.verifies = false;
    let view = show(&pds, &mut browser, &remove, &mut key, CURRENT).await;
    assert!(view.status == 422 && view.has("did not check that it is you"), "{view:?}");
    key.verifies = true;
    // What was signed for another purpose.
    let page = browser.get(SIGN_IN).await;
    let sent = key.sign(&Ceremony::of(&pds, &page));
    assert_eq!(post(&mut browser, &remove, sent, CURRENT).await.status, 422);
    assert_eq!(create_session(&pds, &alice, None).await, (401, "AppPasswordRequired"));

    let view = show(&pds, &mut browser, &remove, &mut key, CURRENT).await;
    let view = browser.follow(&view).await;
    assert!(view.has("The password is removed.") && view.has("Set a password"), "{view:?}");
    pds.letter("alice@mail.test", "Your password was removed").await;
    assert_eq!(browser.get(&remove).await.location, page_of(&alice, "/password"));
    assert_eq!(browser.submit(&remove, &[]).await.status, 303);
}

/// Whoever sits at somebody else's browser may add a passkey of their own; that does not make them know the password.
#[tokio::test]
async fn a_password_is_not_removed_by_who_does_not_know_it() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.confirm_email(&pds).await;
    let mut thief = signed_in(&pds, "alice.test").await;
    let mut key = add_passkey(&pds, &alice, &mut thief).await;
    let remove = page_of(&alice, "/password/remove");
    for (given, words) in
        [("", "Type the password"), ("a guess of theirs", "not your present password")]
    {
        let view = show(&pds, &mut thief, &remove, &mut key, &[("current", given)]).await;
        assert!(view.status == 422 && view.error("current").contains(words), "{view:?}");
    }
    assert_eq!(create_session(&pds, &alice, None).await, (401, "AppPasswordRequired"));
    let view = show(&pds, &mut thief, &remove, &mut key, CURRENT).await;
    assert_eq!(view.location, page_of(&alice, "/password"), "{view:?}");
}

/// One that has to be named opens nothing on the page for signing in.
#[tokio::test]
async fn a_passkey_that_is_not_known_to_be_found_is_no_way_in() {
    let pds = TestPds::start().await;
    let (alice, mut browser, mut key) = without_password(&pds, "alice").await;
    let page = path(&alice, "/passkeys");
    let view = browser.get(&page).await;
    let mut named = Authenticator::for_page(&view);
    named.discoverable = false;
    let sent = named.make(&Ceremony::of(&pds, &view));
    assert!(post(&mut browser, &page, sent, &[]).await.status < 400);
    let view = browser.get(&path(&alice, "")).await;
    let removals: Vec<String> = view
        .html
        .split("/passkeys/")
        .skip(1)
        .filter_map(|rest| rest.split_once("/remove"))
        .filter(|(id, _)| !id.contains('"'))
        .map(|(id, _)| path(&alice, &format!("/passkeys/{id}/remove")))
        .collect();
    assert_eq!(removals.len(), 2, "{view:?}");
    let mut gone = 0;
    for removal in &removals {
        browser.get(removal).await;
        gone += usize::from(browser.submit(removal, &[]).await.status == 303);
    }
    assert_eq!(gone, 1, "only the one that opens nothing");
    let (_, view) = alone(&pds, &mut key).await;
    assert_eq!(view.location, page_of(&alice, ""), "{view:?}");
}

#[tokio::test]
async fn the_old_password_is_a_wrong_one_everywhere() {
    let pds = TestPds::start().await;
    let bob = pds.account("bob").await;
    let (alice, _, mut key) = without_password(&pds, "alice").await;
    let wrong = |of: &TestAccount| json!({ "identifier": of.did, "password": "not it" });
    let call = |input| pds.anyone.call("com.atproto.server.createSession", input);
    let usual = call(wrong(&bob)).await;
    assert_eq!(usual, (401, "AuthenticationRequired"));
    for reply in [create_session(&pds, &alice, None).await, call(wrong(&alice)).await] {
        assert_eq!((reply.status, reply.text()), (usual.status, usual.text()));
    }
    let mut browser = Browser::new(&pds);
    let fields = |name| [("username", name), ("password", PASSWORD)];
    let view = browser.fill(SIGN_IN, &fields("alice.test")).await;
    assert!(view.error("password").starts_with("Name and password do not go together"));
    alice.poke("com.atproto.server.requestAccountDelete").await.ok();
    let token = pds.mailed_code("alice@mail.test");
    for password in [PASSWORD, ""] {
        let input = json!({ "did": alice.did, "password": password, "token": token });
        let reply = pds.anyone.call("com.atproto.server.deleteAccount", input).await;
        assert_eq!(reply, (401, "AuthenticationRequired"));
        assert!(reply.message().contains("Invalid did or password"));
    }
    // What was open stays open, app passwords are made and used.
    alice.post("still here").await;
    let made = alice.call("com.atproto.server.createAppPassword", json!({ "name": "phone" }));
    let app_password = made.await.ok()["password"].as_str().unwrap().to_owned();
    alice.sign_in(&pds, &app_password).await.post("from an app").await;
    let view = browser
        .fill(SIGN_IN, &[("username", "alice.test"), ("password", app_password.as_str())])
        .await;
    assert!(view.error("password").starts_with("This is a password for an app"));
    let (mut browser, view) = alone(&pds, &mut key).await;
    assert_eq!(view.location, page_of(&alice, ""), "{view:?}");

    // Where it is asked for again, the passkey is named, but only to who is signed in.
    pds.world.clock().advance(Duration::from_secs(3_600));
    let view = browser.get(&page_of(&alice, "/password")).await;
    let view = browser.follow(&view).await;
    assert!(view.has("This account has no password."), "{view:?}");
    let stranger = Browser::new(&pds).get(&format!("{SIGN_IN}?login_hint={}", alice.did)).await;
    assert!(!stranger.has("This account has no password."), "{stranger:?}");
}

#[tokio::test]
async fn the_last_passkey_stays_until_there_is_a_password() {
    let pds = TestPds::start().await;
    let (alice, mut browser, mut key) = without_password(&pds, "alice").await;
    let page = browser.get(&path(&alice, "")).await;
    let (_, at) = page.html.split_once("/passkeys/").unwrap();
    let remove = path(&alice, &format!("/passkeys/{}/remove", at.split('"').next().unwrap()));
    let view = browser.get(&remove).await;
    assert!(view.status == 200 && view.has("This is the last passkey"), "{view:?}");
    assert!(!view.has("btn danger") && view.has(&page_of(&alice, "/password")), "{view:?}");
    let view = browser.submit(&remove, &[]).await;
    assert!(view.status == 422 && view.has("Set a password first"), "{view:?}");
    // Another that opens the account stands in for it.
    add_passkey(&pds, &alice, &mut browser).await;
    let view = browser.get(&remove).await;
    assert!(view.has("btn danger") && !view.has("the password alone is enough"), "{view:?}");
    let view = browser.submit(&remove, &[]).await;
    assert_eq!(view.location, path(&alice, ""), "{view:?}");
    let (_, view) = alone(&pds, &mut key).await;
    assert_eq!(view.status, 422);
}

#[tokio::test]
async fn a_passkey_sets_a_password_again() {
    let pds = TestPds::start().await;
    let (alice, mut browser, mut key) = without_password(&pds, "alice").await;
    let page = page_of(&alice, "/password");
    let view = browser.get(&page).await;
    assert!(!view.has("name=\"current\"") && view.has("data-passkey=\"get\""), "{view:?}");
    let view = browser.submit(&page, &[("password", NEW)]).await;
    assert!(view.status == 422 && view.has("That took too long"), "{view:?}");
    let view = show(&pds, &mut browser, &page, &mut key, &[("password", "short")]).await;
    assert!(view.error("password").starts_with("A password has at least 8"));
    let view = show(&pds, &mut browser, &page, &mut key, &[("password", NEW)]).await;
    assert!(browser.follow(&view).await.has("Your new password is set."));
    pds.letter("alice@mail.test", "Your account has a password again").await;
    let input = json!({ "identifier": alice.did, "password": NEW });
    let reply = pds.anyone.call("com.atproto.server.createSession", input).await;
    assert_eq!(reply, (401, "AppPasswordRequired"));
    alice.post("nobody was signed out").await;
    assert!(browser.get(&page).await.has("name=\"current\""));
}

#[tokio::test]
async fn who_has_lost_the_passkeys_sets_a_password_by_mail() {
    let pds = TestPds::start().await;
    let (alice, _, _) = without_password(&pds, "alice").await;
    let input = json!({ "email": "alice@mail.test" });
    pds.anyone.call("com.atproto.server.requestPasswordReset", input).await.ok();
    pds.letter("alice@mail.test", "Password Reset Requested").await;
    let input = json!({ "token": pds.mailed_code("alice@mail.test"), "password": PASSWORD });
    pds.anyone.call("com.atproto.server.resetPassword", input).await.ok();
    // As for everybody: the new password opens nothing without another factor.
    assert_eq!(create_session(&pds, &alice, None).await, (401, "AppPasswordRequired"));
    let mut browser = Browser::new(&pds);
    let view = sign_in(&mut browser, "alice.test").await;
    assert!(browser.follow(&view).await.has("value=\"recovery\""), "{view:?}");
}

#[tokio::test]
async fn the_operator_sets_a_password_or_opens_the_way_by_mail() {
    let pds = TestPds::start().await;
    let (alice, _, _) = without_password(&pds, "alice").await;
    let (bob, _, _) = without_password(&pds, "bob").await;
    let input = json!({ "did": alice.did, "password": PASSWORD });
    pds.admin().call("com.atproto.admin.updateAccountPassword", input).await.ok();
    assert_eq!(create_session(&pds, &alice, None).await, (401, "AppPasswordRequired"));

    let mut operator = Browser::new(&pds);
    operator.fill("/admin/sign-in", &[("password", ADMIN_PASSWORD)]).await;
    let console = format!("/admin/accounts/{}", bob.did);
    assert!(operator.get(&console).await.has("no password, 1 passkey"));
    let view = operator.fill(&format!("{console}/remove-factors"), &[]).await;
    assert!(operator.follow(&view).await.has("mail a code for a new one"), "{view:?}");
    operator.fill(&format!("{console}/mail-reset"), &[]).await;
    pds.letter("bob@mail.test", "Password Reset Requested").await;
    let input = json!({ "token": pds.mailed_code("bob@mail.test"), "password": PASSWORD });
    pds.anyone.call("com.atproto.server.resetPassword", input).await.ok();
    create_session(&pds, &bob, None).await.ok();
}

#[tokio::test]
async fn an_account_without_a_password_is_deleted_by_its_passkey() {
    let pds = TestPds::start().await;
    let (alice, mut browser, mut key) = without_password(&pds, "alice").await;
    let delete = page_of(&alice, "/data/delete");
    let view = browser.fill(&delete, &[("send", "1")]).await;
    assert_eq!(view.location, format!("{delete}?sent=1"));
    let (code, sent) = (pds.mailed_code("alice@mail.test"), format!("{delete}?sent=1"));
    let fields = [("code", code.as_str()), ("name", "alice.test")];
    let view = browser.fill(&sent, &fields).await;
    assert!(view.status == 422 && view.has("data-passkey=\"get\""), "{view:?}");
    assert!(!view.has("name=\"password\""), "{view:?}");
    // A passkey that was shown to set a password deletes nothing.
    let page = browser.get(&page_of(&alice, "/password")).await;
    let other = key.sign(&Ceremony::of(&pds, &page));
    browser.get(&sent).await;
    assert_eq!(post(&mut browser, &delete, other, &fields).await.status, 422);
    let view =
        show(&pds, &mut browser, &sent, &mut key, &[("code", "AAAAA-AAAAA"), fields[1]]).await;
    assert!(view.error("code").starts_with("This is not the newest code"), "{view:?}");
    let view = show(&pds, &mut browser, &sent, &mut key, &fields).await;
    assert!(browser.follow(&view).await.has("The account is deleted."), "{view:?}");
    let (_, view) = alone(&pds, &mut key).await;
    assert!(view.status == 422 && view.has("This passkey is not known here."), "{view:?}");
}

#[tokio::test]
async fn no_act_is_out_of_reach_without_a_password() {
    let pds = TestPds::start().await;
    let (alice, mut browser, _) = without_password(&pds, "alice").await;
    for page in [
        "/handle",
        "/email/change",
        "/sessions",
        "/app-passwords/new",
        "/security/codes",
        "/data/deactivate",
        "/data/recovery-key",
        "/data/restore",
    ] {
        let view = browser.get(&page_of(&alice, page)).await;
        assert!(view.status == 200 && !view.has("type=\"password\""), "{page}: {view:?}");
    }
    // The one thing that takes a password, at another server: the page says where to set it.
    let view = browser.get(&page_of(&alice, "/data/move-out")).await;
    assert!(view.has("Your account has no password, and the new server"), "{view:?}");
    assert!(view.has(&format!("href=\"{}\"", page_of(&alice, "/password"))), "{view:?}");
}
