//! The address: confirming it and changing it.

use std::sync::Arc;
use std::time::Duration;

use cairn_server::mail::NoMailer;
use cairn_tests::{PASSWORD, TestPds};
use serde_json::json;

use super::{SIGN_IN, signed_in};

const GET_SESSION: &str = "com.atproto.server.getSession";
const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

#[tokio::test]
async fn an_address_is_confirmed_on_its_page() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let base = format!("/account/u/{}", alice.did);
    let (page, confirm) = (format!("{base}/email"), format!("{base}/email/confirm"));
    let mut browser = signed_in(&pds, "alice").await;
    let view = browser.get(&page).await;
    assert!(view.has("alice@mail.test") && view.has("not confirmed"), "{view:?}");
    assert!(!view.has("name=\"code\""), "{view:?}");

    let view = browser.submit(&format!("{base}/email/send"), &[]).await;
    assert_eq!(view.location, format!("{page}?sent=1"));
    let view = browser.follow(&view).await;
    assert!(view.has("A code is on its way") && view.has("one-time-code"), "{view:?}");
    let code = pds.mailed_code("alice@mail.test");
    let view = browser.submit(&confirm, &[("code", "AAAAA-BBBBB")]).await;
    assert!(view.error("code").starts_with("This is not the newest code"), "{view:?}");
    pds.world.clock().advance(Duration::from_secs(15 * 60));
    let view = browser.submit(&confirm, &[("code", &code)]).await;
    assert!(view.error("code").starts_with("This code is older"), "{view:?}");

    browser.submit(&format!("{base}/email/send"), &[]).await;
    let code = pds.mailed_code("alice@mail.test");
    // Somebody else's code is good for nothing.
    let bob = pds.account("bob").await;
    let mut other = signed_in(&pds, "bob").await;
    other.get(&format!("/account/u/{}/email", bob.did)).await;
    let theirs = format!("/account/u/{}/email/confirm", bob.did);
    other.submit(&theirs, &[("code", &code)]).await.error("code");

    let view = browser.submit(&confirm, &[("code", &code)]).await;
    assert_eq!(view.location, page, "{view:?}");
    let view = browser.follow(&view).await;
    assert!(view.has("Your e-mail address is confirmed.") && view.has(">confirmed<"), "{view:?}");
    assert_eq!(alice.query(GET_SESSION, &[]).await.ok()["emailConfirmed"], true);
}

#[tokio::test]
async fn mails_that_the_owner_asks_for_are_limited() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = true).await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice").await;
    let send = format!("/account/u/{}/email/send", alice.did);
    browser.get(&format!("/account/u/{}/email", alice.did)).await;
    for _ in 0..5 {
        assert_eq!(browser.submit(&send, &[]).await.status, 303);
    }
    assert_eq!(browser.submit(&send, &[]).await.status, 429);
    // The method counts the same mails.
    let nsid = "com.atproto.server.requestEmailConfirmation";
    assert_eq!(alice.poke(nsid).await, (429, "RateLimitExceeded"));
}

#[tokio::test]
async fn an_address_that_nobody_has_confirmed_changes_freely() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    let change = format!("/account/u/{}/email/change", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    for (email, error) in [
        ("", "This is not an e-mail address"),
        ("alice", "This is not an e-mail address"),
        ("ALICE@mail.test", "This is your address already"),
        ("Bob@mail.test", "Another account has this address"),
    ] {
        let view = browser.fill(&change, &[("email", email)]).await;
        assert!(view.error("email").starts_with(error), "{email}: {view:?}");
        assert_eq!(view.field("email"), email);
    }
    let view = browser.submit(&change, &[("email", "New@mail.test")]).await;
    assert_eq!(view.location, format!("/account/u/{}/email?sent=1", alice.did), "{view:?}");
    let view = browser.follow(&view).await;
    assert!(view.has("Your address is changed.") && view.has("new@mail.test"), "{view:?}");
    // The new address is asked for a sign of life; the old one was nobody's.
    pds.letter("new@mail.test", "Email Confirmation").await;
    assert_eq!(alice.query(GET_SESSION, &[]).await.ok()["email"], "new@mail.test");
}

#[tokio::test]
async fn a_confirmed_address_is_changed_by_who_reads_it() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.confirm_email(&pds).await;
    let change = format!("/account/u/{}/email/change", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    let view = browser.get(&change).await;
    assert!(view.has("we first send a code to alice@mail.test"), "{view:?}");
    let view = browser.submit(&format!("{change}/send"), &[]).await;
    assert!(browser.follow(&view).await.has("A code is on its way"), "{view:?}");
    let code = pds.mailed_code("alice@mail.test");

    let view = browser.submit(&change, &[("email", "new@mail.test")]).await;
    assert!(view.error("code").starts_with("Type the code"), "{view:?}");
    let fields = [("email", "new@mail.test"), ("code", "AAAAA-BBBBB")];
    let view = browser.submit(&change, &fields).await;
    assert!(view.error("code").starts_with("This is not the newest code"), "{view:?}");
    // A slip in the address does not use the code up.
    browser.submit(&change, &[("email", "new"), ("code", &code)]).await.error("email");
    let view = browser.submit(&change, &[("email", "new@mail.test"), ("code", &code)]).await;
    assert_eq!(view.status, 303, "{view:?}");
    pds.letter("alice@mail.test", "Your e-mail address was changed").await;
    let session = alice.query(GET_SESSION, &[]).await.ok();
    assert_eq!(
        (&session["email"], &session["emailConfirmed"]),
        (&json!("new@mail.test"), &json!(false))
    );
}

#[tokio::test]
async fn a_change_of_the_address_takes_a_recent_sign_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let change = format!("/account/u/{}/email/change", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&change).await;
    pds.world.clock().advance(HALF_AN_HOUR);
    let view = browser.submit(&change, &[("email", "new@mail.test")]).await;
    assert!(view.location.starts_with(SIGN_IN), "{view:?}");
    let page = browser.follow(&view).await;
    let next = page.field("next");
    let fields = [("username", "alice"), ("password", PASSWORD), ("next", next.as_str())];
    assert_eq!(browser.submit(SIGN_IN, &fields).await.location, change);
    assert_eq!(browser.get(&change).await.status, 200);
}

#[tokio::test]
async fn without_a_mail_server_the_operator_has_the_code() {
    let pds = TestPds::start_with_mailer(Arc::new(NoMailer)).await;
    let alice = pds.account("alice").await;
    let base = format!("/account/u/{}", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&format!("{base}/email")).await;
    let view = browser.submit(&format!("{base}/email/send"), &[]).await;
    let view = browser.follow(&view).await;
    assert!(view.has("The code is with its operator"), "{view:?}");
    let outbox = pds.admin().page("/admin/api/outbox").await.ok();
    let text = outbox["messages"][0]["text"].as_str().unwrap().to_owned();
    let code = cairn_tests::code_in(&text).unwrap();
    let view = browser.submit(&format!("{base}/email/confirm"), &[("code", &code)]).await;
    assert_eq!(view.location, format!("{base}/email"), "{view:?}");

    // So it is with the codes of other pages.
    let page = format!("{base}/data/recovery-key");
    let view = browser.fill(&page, &[("send", "1")]).await;
    assert_eq!(view.location, format!("{page}?sent=1"), "{view:?}");
    let view = browser.follow(&view).await;
    assert!(view.has("The code is with its operator") && view.has("name=\"code\""), "{view:?}");
}

#[tokio::test]
async fn who_does_not_read_the_mail_does_not_learn_whose_an_address_is() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    alice.confirm_email(&pds).await;
    let change = format!("/account/u/{}/email/change", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&change).await;
    browser.submit(&format!("{change}/send"), &[]).await;
    let code = pds.mailed_code("alice@mail.test");
    let view =
        browser.submit(&change, &[("email", "bob@mail.test"), ("code", "AAAAA-BBBBB")]).await;
    assert!(view.error("code").starts_with("This is not the newest code"), "{view:?}");
    assert!(!view.has("Another account"), "{view:?}");
    let view = browser.submit(&change, &[("email", "bob@mail.test"), ("code", &code)]).await;
    assert!(view.error("email").starts_with("Another account has this address"), "{view:?}");
    // The code is good for another try.
    let view = browser.submit(&change, &[("email", "new@mail.test"), ("code", &code)]).await;
    assert_eq!(view.status, 303, "{view:?}");
}
