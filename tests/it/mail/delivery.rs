//! Ways out that work, fail, or are not there.

use std::sync::Arc;

use cairn_server::mail::NoMailer;
use cairn_tests::{ADMIN_PASSWORD, Browser, Manners, Reply, SmtpServer, TestPds, code_in};
use serde_json::{Value, json};

use super::{CONFIRM, REQUEST_CONFIRM, REQUEST_RESET, REQUEST_UPDATE, by, pds_with};

fn outbox_of(reply: &Reply) -> Vec<Value> {
    reply.ok()["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_mail_server_that_refuses_is_told_and_the_mail_waits() {
    let smtp = SmtpServer::start().await;
    smtp.change(|manners| manners.answer.push(("RCPT".into(), "550 5.1.1 no such person".into())));
    let pds = pds_with(&smtp).await;
    let alice = pds.account("alice").await;
    assert_eq!(alice.poke(REQUEST_CONFIRM).await, (502, "UpstreamFailure"));
    let waiting = outbox_of(&pds.admin().page("/admin/api/outbox").await);
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
    let waiting = outbox_of(&pds.admin().page("/admin/api/outbox").await);
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
        let refused = caller.page("/admin/api/outbox").await;
        assert!(matches!(refused.status, 400 | 401), "{}", refused.status);
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic"));
    }
    let reply = pds.admin().page("/admin/api/outbox").await;
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
    assert!(page.text().contains("&#60;script&#62;") && !page.text().contains("<script>alert"));
    let path = format!("/dev/mail/{}", pds.mail()[0].id);
    assert!(page.text().contains(&path), "{}", page.text());
    let message = pds.anyone.page(&path).await;
    assert_eq!(message.text(), evil);
    let policy = message.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none';"), "{policy}");
    assert_eq!(pds.anyone.page("/dev/mail/nothing").await.status, 404);
}

#[tokio::test]
async fn the_console_shows_the_conversation_of_a_test_message() {
    let smtp = SmtpServer::start().await;
    let pds = pds_with(&smtp).await;
    let mut browser = Browser::new(&pds);
    browser.fill("/admin/sign-in", &[("password", ADMIN_PASSWORD)]).await;
    let view = browser.fill("/admin/outbox/test", &[("to", "me@mail.test")]).await;
    for said in ["The message was taken.", "recipient me@mail.test accepted", "message accepted"] {
        assert!(view.has(said), "{said}: {view:?}");
    }
    assert_eq!(smtp.message(0).await.to, ["me@mail.test"]);
    smtp.change(|manners| manners.answer.push(("RCPT".into(), "550 5.1.1 no such person".into())));
    let view = browser.fill("/admin/outbox/test", &[("to", "me@mail.test")]).await;
    assert!(view.has("The message was not sent.") && view.has("550 5.1.1 no such person"));
}
