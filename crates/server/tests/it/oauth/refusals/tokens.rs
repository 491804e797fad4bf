//! Revocation and introspection: RFC 7009 §2.2.1, RFC 7662 §2.3.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::json;

use super::super::{Client, tokens};
use super::{Row, SCOPE, Stage, row};

#[rustfmt::skip]
const ASKED: &[Row] = &[
    row("no token", "invalid_request", |it| it.remove("token")),
    row("no client_id", "invalid_request", |it| it.remove("client_id")),
    row("client_id is no URL", "invalid_client", |it| it.set("client_id", "app")),
    row("token twice", "invalid_request", |it| it.repeated = Some("token")),
    row("another content type", "invalid_request", |it| it.headers[0].1 = "text/plain".into()).status(415),
];

#[rustfmt::skip]
const OPERATOR: &[Row] = &[
    row("a wrong password", "invalid_client", |it| {
        it.headers.push(("authorization", format!("Basic {}", BASE64.encode(b"admin:guess"))));
    }).status(401),
    row("a bearer token", "invalid_request", |it| it.headers.push(("authorization", "Bearer x".into()))),
];

#[tokio::test]
async fn each_fault_of_a_question_about_a_token_is_named() {
    let stage = Stage::public().await;
    let held = stage.client.sign_in(&stage.server, &stage.alice, SCOPE).await;
    let token = [("token", held.access.as_str())];
    stage.refuses(ASKED, || stage.ask("/oauth/revoke", &token)).await;
    stage.refuses(ASKED, || stage.ask("/oauth/introspect", &token)).await;
    stage.refuses(OPERATOR, || stage.ask("/oauth/introspect", &token)).await;
    let mut guess = stage.ask("/oauth/introspect", &token);
    (OPERATOR[0].spoil)(&mut guess);
    let challenge = stage.send(&guess).await.header("www-authenticate").to_owned();
    assert!(challenge.starts_with("Basic "), "in the scheme that was tried: {challenge}");
    // Strangers and tokens that are none: no error, and nothing happens.
    let before = stage.state().await;
    let stranger = Client::loopback("atproto");
    for token in [held.access.as_str(), held.refresh.as_str(), "tok-x", "x"] {
        let reply = stranger.post(&stage.server, "/oauth/revoke", &[("token", token)]).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({})), "{token}");
        let reply = stranger.post(&stage.server, "/oauth/introspect", &[("token", token)]).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({ "active": false })));
    }
    assert_eq!(stage.state().await, before);
    assert_eq!(
        stage.takes(&stage.ask("/oauth/introspect", &token), 200).await["active"],
        json!(true)
    );
    assert_eq!(stage.takes(&stage.ask("/oauth/revoke", &token), 200).await, json!({}));
    assert_eq!(
        stage.takes(&stage.ask("/oauth/introspect", &token), 200).await["active"],
        json!(false)
    );
}

/// Apps sign out with what they have at hand.
#[tokio::test]
async fn an_expired_access_token_still_ends_its_session() {
    let stage = Stage::public().await;
    let held = stage.client.sign_in(&stage.server, &stage.alice, SCOPE).await;
    stage.server.clock.advance(Duration::from_secs(24 * 3600));
    let stranger = Client::loopback("atproto");
    let token = [("token", held.access.as_str())];
    stranger.post(&stage.server, "/oauth/revoke", &token).await;
    let held = {
        let next = tokens(&stage.client.refresh(&stage.server, &held.refresh).await);
        stage.server.clock.advance(Duration::from_secs(24 * 3600));
        next
    };
    let token = [("token", held.access.as_str())];
    let reply = stage.client.post(&stage.server, "/oauth/revoke", &token).await;
    assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({})));
    let ended = stage.client.refresh(&stage.server, &held.refresh).await;
    assert_eq!(ended.error(), (400, "invalid_grant".into()));
}
