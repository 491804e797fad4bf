//! Whole flows over a mail server that speaks SMTP.

mod delivery;
mod language;
mod second_factor;

use std::sync::Arc;
use std::time::Duration;

use cairn_server::mail::{Mailer, Route, Sender, mailer};
use cairn_tests::{MailMessage, PASSWORD, Reply, SmtpServer, TestAccount, TestPds};
use serde_json::json;

const CONFIRM: &str = "com.atproto.server.confirmEmail";
const REQUEST_CONFIRM: &str = "com.atproto.server.requestEmailConfirmation";
const UPDATE: &str = "com.atproto.server.updateEmail";
const REQUEST_UPDATE: &str = "com.atproto.server.requestEmailUpdate";
const RESET: &str = "com.atproto.server.resetPassword";
const REQUEST_RESET: &str = "com.atproto.server.requestPasswordReset";
const GET_SESSION: &str = "com.atproto.server.getSession";

/// A mailer for a mail server on loopback.
fn by(port: u16, credentials: &str, query: &str) -> Arc<dyn Mailer> {
    let route = Route::parse(&format!("smtp://{credentials}127.0.0.1:{port}{query}")).unwrap();
    mailer(route, Sender::new("pds@mail.test", "Test server", "pds.test").unwrap())
}

async fn pds_with(smtp: &SmtpServer) -> TestPds {
    TestPds::start_with_mailer(by(smtp.port, "", "")).await
}

async fn sign_in(pds: &TestPds, password: &str, token: Option<&str>) -> Reply {
    let mut input = json!({ "identifier": "alice.test", "password": password });
    if let Some(token) = token {
        input["authFactorToken"] = json!(token);
    }
    pds.anyone.call("com.atproto.server.createSession", input).await
}

/// Confirms the account's address; takes one message.
async fn confirm(alice: &TestAccount, smtp: &SmtpServer) {
    let number = smtp.codes().len();
    alice.poke(REQUEST_CONFIRM).await.ok();
    let code = smtp.code(number).await;
    alice.call(CONFIRM, json!({ "email": "alice@mail.test", "token": code })).await.ok();
}

#[tokio::test]
async fn a_letter_says_who_it_is_for_and_from_in_both_forms() {
    let smtp = SmtpServer::start().await;
    let mut pds = pds_with(&smtp).await;
    let logo = "https://example.com/logo.png?a=1&b=\"2\"";
    pds.config.branding.service_name = "Alice & Bob's <server>".to_owned();
    pds.config.branding.logo_url = Some(logo.parse().unwrap());
    pds.restart().await;
    let alice = pds.account("alice").await;
    alice.poke(REQUEST_CONFIRM).await.ok();
    let mail: MailMessage = smtp.message(0).await;

    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("pds@mail.test", &["alice@mail.test".to_owned()][..])
    );
    assert_eq!(mail.header("From").unwrap(), "\"Test server\" <pds@mail.test>");
    assert_eq!(mail.header("Subject").unwrap(), "Email Confirmation");
    assert_eq!(mail.header("Auto-Submitted").unwrap(), "auto-generated");
    assert!(mail.header("Message-ID").unwrap().ends_with("@pds.test>"));
    assert!(mail.header("Date").is_some());

    let (text, html, code) = (mail.text(), mail.html(), mail.code());
    let link = format!("{}/account/confirm-email?account={}", pds.url(), alice.did);
    for form in [&text, &html] {
        for part in ["alice.test", &code, &link, pds.url(), "15 minutes"] {
            assert!(form.contains(part), "{part} in {form}");
        }
    }
    assert!(text.contains("Alice & Bob's <server>"), "{text}");
    assert!(html.contains("Alice &#38; Bob&#39;s &#60;server&#62;"), "{html}");
    assert!(!html.contains("b=\"2\""), "{html}");
    assert!(html.contains("#2f6b54"), "{html}");
}

#[tokio::test]
async fn the_link_can_be_left_out() {
    let smtp = SmtpServer::start().await;
    let mut pds = pds_with(&smtp).await;
    pds.config.email_confirmation_link = false;
    pds.restart().await;
    pds.account("alice").await.poke(REQUEST_CONFIRM).await.ok();
    let mail = smtp.message(0).await;
    assert!(!mail.text().contains("confirm-email") && !mail.html().contains("confirm-email"));
    mail.code();
}

#[tokio::test]
async fn an_address_is_confirmed_with_the_newest_code_and_once() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    let bob = pds.account("bob").await;
    let token = |code: &str| json!({ "email": "alice@mail.test", "token": code });

    alice.poke(REQUEST_CONFIRM).await.ok();
    alice.poke(REQUEST_CONFIRM).await.ok();
    let (old, new) = (smtp.code(0).await, smtp.code(1).await);
    assert_eq!(alice.call(CONFIRM, token(&old)).await, (400, "InvalidToken"));
    assert_eq!(alice.call(CONFIRM, token("AAAAA-BBBBB")).await, (400, "InvalidToken"));
    assert_eq!(alice.call(CONFIRM, token("")).await, (400, "InvalidToken"));
    // Somebody else's code is good for nothing, and for nothing else.
    let stolen = json!({ "email": "bob@mail.test", "token": new });
    assert_eq!(bob.call(CONFIRM, stolen).await, (400, "InvalidToken"));
    let other_use = json!({ "token": new, "password": "mine now" });
    assert_eq!(pds.anyone.call(RESET, other_use).await, (400, "InvalidToken"));

    alice.call(CONFIRM, token(&format!(" {} ", new.to_lowercase()))).await.ok();
    assert_eq!(alice.query(GET_SESSION, &[]).await.ok()["emailConfirmed"], true);
    assert_eq!(alice.call(CONFIRM, token(&new)).await, (400, "InvalidToken"));
}

#[tokio::test]
async fn a_code_lives_for_fifteen_minutes() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    alice.poke(REQUEST_CONFIRM).await.ok();
    let input = json!({ "email": "alice@mail.test", "token": smtp.code(0).await });
    pds.world.clock().advance(Duration::from_secs(15 * 60));
    assert_eq!(alice.call(CONFIRM, input).await, (400, "ExpiredToken"));
}

#[tokio::test]
async fn an_address_changes_with_a_code_from_the_old_one() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    // An unconfirmed address proves nothing, so it changes freely.
    assert_eq!(alice.poke(REQUEST_UPDATE).await.ok(), json!({ "tokenRequired": false }));
    alice.call(UPDATE, json!({ "email": "slip@mail.test" })).await.ok();
    alice.call(UPDATE, json!({ "email": "alice@mail.test" })).await.ok();
    assert!(smtp.messages().is_empty());
    confirm(&alice, &smtp).await;

    assert_eq!(alice.poke(REQUEST_UPDATE).await.ok(), json!({ "tokenRequired": true }));
    let mail = smtp.message(1).await;
    assert_eq!(mail.to, ["alice@mail.test"]);
    let new = |token: &str| json!({ "email": "new@mail.test", "token": token });
    assert_eq!(
        alice.call(UPDATE, json!({ "email": "new@mail.test" })).await,
        (400, "TokenRequired")
    );
    assert_eq!(alice.call(UPDATE, new("AAAAA-BBBBB")).await, (400, "InvalidToken"));
    // An address that somebody has costs no code.
    pds.account("bob").await;
    let taken = json!({ "email": "bob@mail.test", "token": mail.code() });
    assert_eq!(alice.call(UPDATE, taken).await.status, 400);
    alice.call(UPDATE, new(&mail.code())).await.ok();
    let session = alice.query(GET_SESSION, &[]).await.ok();
    assert_eq!(session["email"], "new@mail.test");
    assert_eq!(session["emailConfirmed"], false);
    let letter = smtp.letter("Your e-mail address was changed").await;
    assert_eq!(letter.to, ["alice@mail.test"]);
}

#[tokio::test]
async fn a_password_is_reset_by_mail_and_sessions_end() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    let made = alice.call("com.atproto.server.createAppPassword", json!({ "name": "phone" })).await;
    let app_password = made.ok()["password"].as_str().unwrap().to_owned();
    let phone = alice.sign_in(&pds, &app_password).await;
    let reset = |token: String, extra: bool| json!({ "token": token, "password": "another one", "revokeAppPasswords": extra });

    pds.anyone.call(REQUEST_RESET, json!({ "email": "alice@mail.test" })).await.ok();
    let code = smtp.code(0).await;
    pds.anyone.call(RESET, reset(code.clone(), false)).await.ok();
    assert_eq!(pds.anyone.call(RESET, reset(code, false)).await, (400, "InvalidToken"));
    let refresh = "com.atproto.server.refreshSession";
    for session in [&alice, &phone] {
        assert_eq!(session.refresher().poke(refresh).await, (400, "ExpiredToken"));
    }
    sign_in(&pds, "another one", None).await.ok();
    let letter = smtp.letter("Your password was changed").await;
    assert!(letter.text().contains("A code that we mailed here was used"), "{}", letter.text());
    assert_eq!(smtp.letter("New app password").await.to, ["alice@mail.test"]);
    // The app password opens another one, until somebody asks that it goes too.
    let phone = alice.sign_in(&pds, &app_password).await;
    pds.anyone.call(REQUEST_RESET, json!({ "email": "alice@mail.test" })).await.ok();
    pds.anyone.call(RESET, reset(smtp.code(1).await, true)).await.ok();
    assert_eq!(phone.refresher().poke(refresh).await, (400, "ExpiredToken"));
    assert_eq!(sign_in(&pds, &app_password, None).await, (401, "AuthenticationRequired"));
    let passwords = alice.query("com.atproto.server.listAppPasswords", &[]).await.ok();
    assert_eq!(passwords, json!({ "passwords": [] }));
}

#[tokio::test]
async fn an_account_is_deleted_with_password_and_code() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    let delete = "com.atproto.server.deleteAccount";
    alice.poke("com.atproto.server.requestAccountDelete").await.ok();
    let code = smtp.code(0).await;
    let input = |password: &str, token: &str| json!({ "did": alice.did, "password": password, "token": token });
    assert_eq!(
        pds.anyone.call(delete, input("wrong", &code)).await,
        (401, "AuthenticationRequired")
    );
    assert_eq!(
        pds.anyone.call(delete, input(PASSWORD, "AAAAA-BBBBB")).await,
        (400, "InvalidToken")
    );
    pds.anyone.call(delete, input(PASSWORD, &code)).await.ok();
    assert_eq!(sign_in(&pds, PASSWORD, None).await, (401, "AuthenticationRequired"));
}

#[tokio::test]
async fn an_identity_is_signed_over_with_a_code() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    alice.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    let mail = smtp.message(0).await;
    assert_eq!(mail.header("Subject").unwrap(), "PLC Update Operation Requested");
    let sign = "com.atproto.identity.signPlcOperation";
    let input = |token: &str| json!({ "token": token, "alsoKnownAs": ["at://alice.example"] });
    assert_eq!(alice.call(sign, input("AAAAA-BBBBB")).await, (400, "InvalidToken"));
    let signed = alice.call(sign, input(&mail.code())).await.ok();
    assert_eq!(signed["operation"]["alsoKnownAs"], json!(["at://alice.example"]));
    assert_eq!(alice.call(sign, input(&mail.code())).await, (400, "InvalidToken"));
}
