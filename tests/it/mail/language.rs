//! The language of letters: that of whoever asked for them.

use cairn_tests::{Browser, PASSWORD, TestPds};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_client_gets_letters_in_the_language_that_it_asks_for() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let nsid = "com.atproto.server.requestPasswordReset";
    for (language, subject, words) in [
        ("fr-CH, fr;q=0.9, en;q=0.8", "Nouveau mot de passe", "Ce code est valable 15 minutes"),
        ("de, en;q=0.5", "Password Reset Requested", "The code is good for 15 minutes"),
    ] {
        let request = pds.anyone.request(Method::POST, nsid).header("accept-language", language);
        let request = request.json(&json!({ "email": "alice@mail.test" }));
        pds.anyone.send(request).await.body();
        let mail = pds.letter("alice@mail.test", subject).await;
        assert!(mail.text.contains(words) && mail.text.contains("alice.test"), "{}", mail.text);
        assert!(mail.html.unwrap().contains(words));
    }
    // A client that says nothing gets English.
    alice.poke("com.atproto.server.requestEmailConfirmation").await.ok();
    let html = pds.letter("alice@mail.test", "Email Confirmation").await.html.unwrap();
    assert!(html.contains("<html lang=\"en\" dir=\"ltr\">"), "{html}");
}

#[tokio::test]
async fn a_person_gets_letters_in_the_language_of_the_page() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let mut browser = Browser::new(&pds);
    browser.get("/account/sign-in").await;
    browser.submit("/account/preferences", &[("language", "fr")]).await;
    browser.fill("/account/sign-in", &[("username", "alice"), ("password", PASSWORD)]).await;
    let mail = pds.letter("alice@mail.test", "Nouvelle connexion à votre compte").await;
    assert!(mail.text.contains("pour alice.test"), "{}", mail.text);
    assert!(mail.text.contains("Navigateur\u{a0}: Mozilla/5.0 (test)"), "{}", mail.text);
    assert!(mail.html.unwrap().contains("<html lang=\"fr\" dir=\"ltr\">"));
}
