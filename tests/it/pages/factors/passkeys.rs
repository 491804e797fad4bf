//! Passkeys, with an authenticator in software.

use cairn_tests::{Authenticator, Browser, Ceremony, PASSWORD, TestPds, View};

use super::{
    CODE, SIGN_IN, add_app, add_passkey, after_password, codes, create_session, path, post,
    signed_in,
};

const PASSKEY: &str = "/account/sign-in/passkey";

/// Signs in with a passkey alone.
async fn alone(pds: &TestPds, key: &mut Authenticator) -> (Browser, View) {
    let mut browser = Browser::new(pds);
    let page = browser.get(SIGN_IN).await;
    let sent = key.sign(&Ceremony::of(pds, &page));
    let view = post(&mut browser, PASSKEY, sent, &[("remember", "1")]).await;
    (browser, view)
}

#[tokio::test]
async fn a_passkey_is_added_named_used_and_removed() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&path(&alice, "/passkeys")).await;
    assert_eq!((page.data("rp").as_str(), page.data("known").as_str()), ("localhost", "[]"));
    assert_eq!(page.data("algorithms"), "-8 -7 -257");
    let mut key = Authenticator::for_page(&page);
    let sent = key.make(&Ceremony::of(&pds, &page));
    let named = [("label", "  My \n  phone ")];
    let view = post(&mut browser, &path(&alice, "/passkeys"), sent, &named).await;
    assert_eq!(codes(&view).len(), 10);
    pds.letter("alice@mail.test", "Passkey added").await;
    let page = browser.get(&path(&alice, "")).await;
    assert!(page.has("<b>My phone</b>") && page.has("not used yet"), "{page:?}");
    // The browser is asked not to make another on the same device.
    let page = browser.get(&path(&alice, "/passkeys")).await;
    let known = page.data("known");
    assert!(known.contains("\"transports\":[\"internal\",\"hybrid\"]"), "{known}");

    let (mut other, view) = alone(&pds, &mut key).await;
    assert_eq!((view.status, view.location), (303, format!("/account/u/{}", alice.did)));
    pds.letter("alice@mail.test", "New sign-in to your account").await;
    let page = other.get(&path(&alice, "")).await;
    assert!(page.has("last used") && !page.has("not used yet"), "{page:?}");
    let (_, at) = page.html.split_once("/passkeys/").unwrap();
    let one = path(&alice, &format!("/passkeys/{}", at.split('"').next().unwrap()));
    let view = other.fill(&one, &[("label", "  ")]).await;
    assert!(view.error("label").starts_with("Type a name"));
    let view = other.submit(&one, &[("label", "Old phone")]).await;
    assert!(other.follow(&view).await.has("<b>Old phone</b>"));
    let remove = format!("{one}/remove");
    let page = other.get(&remove).await;
    assert!(page.has("Old phone") && page.has("the password alone is enough"), "{page:?}");
    let view = other.submit(&remove, &[]).await;
    assert!(other.follow(&view).await.has("You have no passkey yet."));
    pds.letter("alice@mail.test", "Passkey removed").await;
    let (_, view) = alone(&pds, &mut key).await;
    assert!(view.status == 422 && view.has("This passkey is not known here."), "{view:?}");
    assert_eq!(other.get(&one).await.status, 404);
}

#[tokio::test]
async fn a_passkey_is_the_second_factor_after_the_password() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    add_app(&pds, &alice, &mut browser).await;
    let mut key = add_passkey(&pds, &alice, &mut browser).await;
    // A key without a PIN will do here.
    key.verifies = false;
    let (mut browser, page) = after_password(&pds, "alice.test").await;
    assert_eq!(
        (page.data("passkey").as_str(), page.data("verification").as_str()),
        ("get", "preferred")
    );
    assert!(page.has("value=\"app\"") && page.has("value=\"recovery\""), "{page:?}");
    let (pending, sent) = (page.field("pending"), key.sign(&Ceremony::of(&pds, &page)));
    let more = [("pending", pending.as_str()), ("with", "passkey"), ("next", "/account?choose=1")];
    let view = post(&mut browser, CODE, sent, &more).await;
    assert_eq!((view.status, view.location.as_str()), (303, "/account?choose=1"), "{view:?}");
    assert_eq!(browser.get(&path(&alice, "/passkeys")).await.status, 200);
}

#[tokio::test]
async fn a_passkey_alone_is_a_recent_sign_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let mut key = add_passkey(&pds, &alice, &mut browser).await;
    pds.world.clock().advance(std::time::Duration::from_secs(3_600));
    let codes = path(&alice, "/codes");
    let view = browser.get(&codes).await;
    let page = browser.follow(&view).await;
    let next = page.field("next");
    let sent = key.sign(&Ceremony::of(&pds, &page));
    let view = post(&mut browser, PASSKEY, sent, &[("next", &next), ("remember", "1")]).await;
    assert_eq!(view.location, codes, "{view:?}");
    assert_eq!(browser.follow(&view).await.status, 200);
}

#[tokio::test]
async fn programs_are_sent_to_app_passwords() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let app_password =
        alice.call("com.atproto.server.createAppPassword", serde_json::json!({ "name": "phone" }));
    let app_password = app_password.await.ok()["password"].as_str().unwrap().to_owned();
    let mut browser = signed_in(&pds, "alice.test").await;
    add_passkey(&pds, &alice, &mut browser).await;
    let refused = create_session(&pds, &alice, None).await;
    assert_eq!(refused, (401, "AppPasswordRequired"));
    assert!(refused.message().contains("make an app password"));
    assert_eq!(create_session(&pds, &alice, Some("000000")).await, (400, "InvalidToken"));
    alice.sign_in(&pds, &app_password).await;
}

#[tokio::test]
async fn an_account_that_is_taken_down_stays_closed() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let mut key = add_passkey(&pds, &alice, &mut browser).await;
    let takedown = serde_json::json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": alice.did },
        "takedown": { "applied": true },
    });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    let (_, view) = alone(&pds, &mut key).await;
    assert!(view.status == 422 && view.has("was taken down by the moderators"), "{view:?}");
}

#[tokio::test]
async fn pages_without_scripts_lead_elsewhere() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    add_passkey(&pds, &alice, &mut browser).await;
    let mut browser = Browser::new(&pds);
    let page = browser.get(SIGN_IN).await;
    assert!(page.has("autocomplete=\"username webauthn\""), "{page:?}");
    let (_, form) = page.html.split_once("action=\"/account/sign-in/passkey\"").unwrap();
    assert!(form.starts_with(" hidden data-script"), "{form}");
    let fields = [("username", "alice.test"), ("password", PASSWORD)];
    let view = browser.submit(SIGN_IN, &fields).await;
    let page = browser.follow(&view).await;
    assert!(page.has("Passkeys need a newer browser") && page.has("value=\"recovery\""));
}
