//! Signing in with a mailed code.

use std::time::Duration;

use cairn_tests::{PASSWORD, SmtpServer};
use serde_json::json;

use super::{
    CONFIRM, GET_SESSION, REQUEST_CONFIRM, REQUEST_UPDATE, UPDATE, confirm, pds_with, sign_in,
};

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
    assert_eq!(smtp.codes().len(), 1);
    for given in [None, Some(""), Some("  ")] {
        assert_eq!(sign_in(&pds, PASSWORD, given).await, (401, "AuthFactorTokenRequired"));
    }
    smtp.letter("Codes by e-mail turned on").await;
    let (old, new) = (smtp.code(2).await, smtp.code(3).await);
    assert!(smtp.letter("Sign-in Code").await.text().contains(&smtp.code(1).await));
    assert_eq!(sign_in(&pds, PASSWORD, Some(&old)).await, (400, "InvalidToken"));
    let wrong = sign_in(&pds, PASSWORD, Some("AAAAA-BBBBB")).await;
    // Clients look for these words.
    assert_eq!((wrong.status, wrong.message().as_str()), (400, "Token is invalid"));
    assert_eq!(sign_in(&pds, "wrong", Some(&new)).await, (401, "AuthenticationRequired"));
    let session = sign_in(&pds, PASSWORD, Some(&new)).await.ok();
    assert_eq!(session["emailAuthFactor"], true);
    assert_eq!(sign_in(&pds, PASSWORD, Some(&new)).await, (400, "InvalidToken"));

    sign_in(&pds, PASSWORD, None).await.error();
    let late = smtp.code(4).await;
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
    alice.call(UPDATE, off(Some(smtp.code(1).await))).await.ok();
    smtp.letter("Codes by e-mail turned off").await;
    let session = sign_in(&pds, PASSWORD, None).await.ok();
    assert_eq!(
        (&session["emailAuthFactor"], &session["emailConfirmed"]),
        (&json!(false), &json!(true))
    );

    // It rests while a new address is not confirmed.
    alice.call(UPDATE, on).await.ok();
    alice.poke(REQUEST_UPDATE).await.ok();
    let change = json!({ "email": "new@mail.test", "token": smtp.code(2).await });
    alice.call(UPDATE, change).await.ok();
    sign_in(&pds, PASSWORD, None).await.ok();
    alice.poke(REQUEST_CONFIRM).await.ok();
    let code = smtp.code(3).await;
    alice.call(CONFIRM, json!({ "email": "new@mail.test", "token": code })).await.ok();
    assert_eq!(sign_in(&pds, PASSWORD, None).await, (401, "AuthFactorTokenRequired"));
    assert_eq!(smtp.letter("Sign-in Code").await.to, ["new@mail.test"]);
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
    assert_eq!(smtp.codes().len(), 1);
    let insist = |token: Option<String>| json!({ "identifier": alice.did, "password": PASSWORD, "allowTakendown": true, "authFactorToken": token });
    let create = "com.atproto.server.createSession";
    assert_eq!(pds.anyone.call(create, insist(None)).await, (401, "AuthFactorTokenRequired"));
    let code = smtp.code(1).await;
    let session = pds.anyone.call(create, insist(Some(code))).await.ok();
    assert_eq!(session["status"], "takendown");
}
