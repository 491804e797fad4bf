//! Whole flows over a mail server that speaks SMTP.

use std::sync::Arc;
use std::time::Duration;

use cairn_server::mail::{Mailer, NoMailer, Route, Sender, mailer};
use cairn_tests::{
    MailMessage, Manners, PASSWORD, Reply, SmtpServer, TestAccount, TestPds, code_in,
};
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
    let number = smtp.messages().len();
    alice.poke(REQUEST_CONFIRM).await.ok();
    let code = smtp.message(number).await.code();
    alice.call(CONFIRM, json!({ "email": "alice@mail.test", "token": code })).await.ok();
}

fn outbox_of(reply: &Reply) -> Vec<serde_json::Value> {
    reply.ok()["messages"].as_array().unwrap().clone()
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
    let link = format!("https://bsky.app/intent/verify-email?code={code}");
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
async fn the_link_to_the_app_can_be_left_out() {
    let smtp = SmtpServer::start().await;
    let mut pds = pds_with(&smtp).await;
    pds.config.email_confirmation_link = false;
    pds.restart().await;
    pds.account("alice").await.poke(REQUEST_CONFIRM).await.ok();
    let mail = smtp.message(0).await;
    assert!(!mail.text().contains("bsky.app") && !mail.html().contains("bsky.app"));
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
    let (old, new) = (smtp.message(0).await.code(), smtp.message(1).await.code());
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
    let input = json!({ "email": "alice@mail.test", "token": smtp.message(0).await.code() });
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
    alice.call(UPDATE, new(&mail.code())).await.ok();
    let session = alice.query(GET_SESSION, &[]).await.ok();
    assert_eq!(session["email"], "new@mail.test");
    assert_eq!(session["emailConfirmed"], false);
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
    let code = smtp.message(0).await.code();
    pds.anyone.call(RESET, reset(code.clone(), false)).await.ok();
    assert_eq!(pds.anyone.call(RESET, reset(code, false)).await, (400, "InvalidToken"));
    let refresh = "com.atproto.server.refreshSession";
    for session in [&alice, &phone] {
        assert_eq!(session.refresher().poke(refresh).await, (400, "ExpiredToken"));
    }
    sign_in(&pds, "another one", None).await.ok();
    // The app password opens another one, until somebody asks that it goes too.
    let phone = alice.sign_in(&pds, &app_password).await;
    pds.anyone.call(REQUEST_RESET, json!({ "email": "alice@mail.test" })).await.ok();
    pds.anyone.call(RESET, reset(smtp.message(1).await.code(), true)).await.ok();
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
    let code = smtp.message(0).await.code();
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

#[tokio::test]
async fn signing_in_takes_a_mailed_code_where_the_owner_wants_it() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    let factor = |on: bool| json!({ "email": "alice@mail.test", "emailAuthFactor": on });
    // An unconfirmed address would lock its owner out.
    assert_eq!(alice.call(UPDATE, factor(true)).await, (400, "InvalidRequest"));
    confirm(&alice, &smtp).await;
    alice.call(UPDATE, factor(true)).await.ok();
    let session = alice.query(GET_SESSION, &[]).await.ok();
    assert_eq!(
        (&session["emailAuthFactor"], &session["emailConfirmed"]),
        (&json!(true), &json!(true))
    );

    // Nobody is mailed for a wrong password.
    assert_eq!(sign_in(&pds, "wrong", None).await, (401, "AuthenticationRequired"));
    assert_eq!(smtp.messages().len(), 1);
    for given in [None, Some(""), Some("  ")] {
        assert_eq!(sign_in(&pds, PASSWORD, given).await, (401, "AuthFactorTokenRequired"));
    }
    let (old, new) = (smtp.message(2).await.code(), smtp.message(3).await.code());
    assert_eq!(smtp.message(3).await.header("Subject").unwrap(), "Sign-in Code");
    assert_eq!(sign_in(&pds, PASSWORD, Some(&old)).await, (400, "InvalidToken"));
    let wrong = sign_in(&pds, PASSWORD, Some("AAAAA-BBBBB")).await;
    // Clients look for these words.
    assert_eq!((wrong.status, wrong.message().as_str()), (400, "Token is invalid"));
    assert_eq!(sign_in(&pds, "wrong", Some(&new)).await, (401, "AuthenticationRequired"));
    let session = sign_in(&pds, PASSWORD, Some(&new)).await.ok();
    assert_eq!(session["emailAuthFactor"], true);
    assert_eq!(sign_in(&pds, PASSWORD, Some(&new)).await, (400, "InvalidToken"));

    sign_in(&pds, PASSWORD, None).await.error();
    let late = smtp.message(4).await.code();
    pds.world.clock().advance(Duration::from_secs(16 * 60));
    assert_eq!(sign_in(&pds, PASSWORD, Some(&late)).await, (400, "ExpiredToken"));
}

#[tokio::test]
async fn the_second_factor_is_for_passwords_and_goes_with_a_code() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    let made = alice.call("com.atproto.server.createAppPassword", json!({ "name": "phone" })).await;
    let app_password = made.ok()["password"].as_str().unwrap().to_owned();
    confirm(&alice, &smtp).await;
    let on = json!({ "email": "alice@mail.test", "emailAuthFactor": true });
    alice.call(UPDATE, on.clone()).await.ok();
    // App passwords are for programs that read no mail.
    alice.sign_in(&pds, &app_password).await;
    alice.refresher().poke("com.atproto.server.refreshSession").await.ok();

    let off = |token: Option<String>| json!({ "email": "alice@mail.test", "emailAuthFactor": false, "token": token });
    assert_eq!(alice.call(UPDATE, off(None)).await, (400, "TokenRequired"));
    alice.poke(REQUEST_UPDATE).await.ok();
    alice.call(UPDATE, off(Some(smtp.message(1).await.code()))).await.ok();
    let session = sign_in(&pds, PASSWORD, None).await.ok();
    assert_eq!(
        (&session["emailAuthFactor"], &session["emailConfirmed"]),
        (&json!(false), &json!(true))
    );

    // It rests while a new address is not confirmed.
    alice.call(UPDATE, on).await.ok();
    alice.poke(REQUEST_UPDATE).await.ok();
    let change = json!({ "email": "new@mail.test", "token": smtp.message(2).await.code() });
    alice.call(UPDATE, change).await.ok();
    sign_in(&pds, PASSWORD, None).await.ok();
    alice.poke(REQUEST_CONFIRM).await.ok();
    let code = smtp.message(3).await.code();
    alice.call(CONFIRM, json!({ "email": "new@mail.test", "token": code })).await.ok();
    assert_eq!(sign_in(&pds, PASSWORD, None).await, (401, "AuthFactorTokenRequired"));
    assert_eq!(smtp.message(4).await.to, ["new@mail.test"]);
}

#[tokio::test]
async fn a_taken_down_account_is_not_mailed_before_its_owner_insists() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    confirm(&alice, &smtp).await;
    alice.call(UPDATE, json!({ "email": "alice@mail.test", "emailAuthFactor": true })).await.ok();
    let takedown = json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": alice.did },
        "takedown": { "applied": true },
    });
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    assert_eq!(sign_in(&pds, PASSWORD, None).await, (401, "AccountTakedown"));
    assert_eq!(smtp.messages().len(), 1);
    let insist = |token: Option<String>| json!({ "identifier": alice.did, "password": PASSWORD, "allowTakendown": true, "authFactorToken": token });
    let create = "com.atproto.server.createSession";
    assert_eq!(pds.anyone.call(create, insist(None)).await, (401, "AuthFactorTokenRequired"));
    let code = smtp.message(1).await.code();
    let session = pds.anyone.call(create, insist(Some(code))).await.ok();
    assert_eq!(session["status"], "takendown");
}

#[tokio::test]
async fn a_mail_server_that_refuses_is_told_and_the_mail_waits() {
    let smtp = SmtpServer::start().await;
    smtp.change(|manners| manners.answer.push(("RCPT".into(), "550 5.1.1 no such person".into())));
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    assert_eq!(alice.poke(REQUEST_CONFIRM).await, (502, "UpstreamFailure"));
    let waiting = outbox_of(&pds.admin().page("/admin/outbox").await);
    assert_eq!(waiting.len(), 1);
    let reason = waiting[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("naming the recipient failed: the server says 550 5.1.1 no such person"),
        "{reason}"
    );
    // The code in it is as good as a mailed one.
    let code = code_in(waiting[0]["text"].as_str().unwrap()).unwrap();
    alice.call(CONFIRM, json!({ "email": "alice@mail.test", "token": code })).await.ok();

    smtp.change(|manners| manners.answer.clear());
    alice.poke(REQUEST_UPDATE).await.ok();
    smtp.message(0).await;
}

#[tokio::test]
async fn a_dead_mail_server_is_an_upstream_failure() {
    let port = SmtpServer::start().await.port;
    let pds = TestPds::start_with_mailer(by(port, "", "")).await;
    let alice = pds.account("alice").await;
    assert_eq!(alice.poke(REQUEST_CONFIRM).await, (502, "UpstreamFailure"));
    // Whoever asks for a reset is not told whether there is an account, nor that mail does not work.
    pds.anyone.call(REQUEST_RESET, json!({ "email": "alice@mail.test" })).await.ok();
    pds.anyone.call(REQUEST_RESET, json!({ "email": "nobody@mail.test" })).await.ok();
}

#[tokio::test]
async fn connections_are_kept_and_replaced_when_the_server_hangs_up() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    for number in 0..3 {
        alice.poke(REQUEST_CONFIRM).await.ok();
        smtp.message(number).await;
    }
    assert_eq!(smtp.connections(), 1);
    smtp.change(|manners| manners.hang_up_after_message = true);
    for number in 3..6 {
        alice.poke(REQUEST_CONFIRM).await.ok();
        smtp.message(number).await;
    }
    assert_eq!(smtp.connections(), 3);
    smtp.change(|manners| manners.hang_up_at = Some("DATA".into()));
    assert_eq!(alice.poke(REQUEST_CONFIRM).await, (502, "UpstreamFailure"));
    smtp.change(|manners| manners.hang_up_at = None);
    alice.poke(REQUEST_CONFIRM).await.ok();
    smtp.message(6).await;
}

#[tokio::test]
async fn the_server_signs_in_to_the_mail_server() {
    let user = Some(("pds".to_owned(), "p:w@x".to_owned()));
    let smtp = SmtpServer::start_with(Manners { user, ..Manners::default() }).await;
    let pds = TestPds::start_with_mailer(by(smtp.port, "pds:p%3Aw%40x@", "")).await;
    let alice = pds.account("alice").await;
    alice.poke(REQUEST_CONFIRM).await.ok();
    assert_eq!(smtp.message(0).await.user.as_deref(), Some("pds"));

    let pds = TestPds::start_with_mailer(by(smtp.port, "pds:mistyped@", "")).await;
    let alice = pds.account("alice").await;
    assert_eq!(alice.poke(REQUEST_CONFIRM).await, (502, "UpstreamFailure"));
    let waiting = outbox_of(&pds.admin().page("/admin/outbox").await);
    let reason = waiting[0]["reason"].as_str().unwrap();
    assert!(reason.contains("signing in failed: the server says 535"), "{reason}");
    assert!(!reason.contains("mistyped"), "{reason}");
}

#[tokio::test]
async fn without_a_mail_server_the_operator_hands_codes_over() {
    let pds = TestPds::start_with_mailer(Arc::new(NoMailer)).await;
    let alice = pds.account("alice").await;
    alice.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    for caller in [
        pds.anyone.clone(),
        alice.nobody().bearer(&alice.access_jwt),
        pds.anyone.authorized("Basic YWRtaW46eA=="),
    ] {
        let refused = caller.page("/admin/outbox").await;
        assert!(matches!(refused.status, 400 | 401), "{}", refused.status);
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic"));
    }
    let reply = pds.admin().page("/admin/outbox").await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let waiting = outbox_of(&reply);
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["to"], "alice@mail.test");
    assert_eq!(waiting[0]["reason"], "no way to send mail is configured");
    let code = code_in(waiting[0]["text"].as_str().unwrap()).unwrap();
    alice.call("com.atproto.identity.signPlcOperation", json!({ "token": code })).await.ok();

    let send = json!({ "recipientDid": alice.did, "content": "<p>hi</p>", "senderDid": alice.did });
    let refused = pds.admin().call("com.atproto.admin.sendEmail", send).await;
    assert_eq!(refused, (400, "InvalidRequest"));
}

#[tokio::test]
async fn moderators_write_from_an_address_of_their_own() {
    let (smtp, moderation) = (SmtpServer::start().await, SmtpServer::start().await);
    let mut pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    let send = |subject: Option<&str>| {
        json!({
            "recipientDid": alice.did, "senderDid": alice.did, "subject": subject,
            "content": "<p>Please <b>stop</b> &amp; think.</p><p>The moderators</p>",
        })
    };
    let call = "com.atproto.admin.sendEmail";
    pds.admin().call(call, send(None)).await.ok();
    assert_eq!(smtp.message(0).await.header("Subject").unwrap(), "Message via your PDS");

    pds.set_moderation_mailer(by(moderation.port, "", ""));
    pds.restart().await;
    assert_eq!(pds.admin().call(call, send(Some("A word"))).await.ok(), json!({ "sent": true }));
    let mail = moderation.message(0).await;
    assert_eq!(mail.header("Subject").unwrap(), "A word");
    assert_eq!(mail.html(), "<p>Please <b>stop</b> &amp; think.</p><p>The moderators</p>");
    assert_eq!(mail.text(), "Please stop & think.\r\nThe moderators");
    assert_eq!(smtp.messages().len(), 1);
}

#[tokio::test]
async fn the_development_mailbox_runs_nothing_that_a_mail_holds() {
    let pds = TestPds::start_with(|config| config.dev_mode = true).await;
    let alice = pds.account("alice").await;
    let evil = "<script>alert(1)</script><b>bold</b>";
    let send = json!({ "recipientDid": alice.did, "subject": evil, "content": evil });
    pds.admin().call("com.atproto.admin.sendEmail", send).await.ok();
    let page = pds.anyone.page("/dev/mail").await;
    assert!(page.text().contains("&lt;script&gt;") && !page.text().contains("<script>alert"));
    let path = format!("/dev/mail/{}", pds.mail()[0].id);
    assert!(page.text().contains(&path), "{}", page.text());
    let message = pds.anyone.page(&path).await;
    assert_eq!(message.text(), evil);
    let policy = message.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none';"), "{policy}");
    assert_eq!(pds.anyone.page("/dev/mail/nothing").await.status, 404);
}
