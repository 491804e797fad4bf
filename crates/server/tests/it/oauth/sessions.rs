//! Refreshing, revoking and asking about tokens.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::json;

use http::Method;

use super::{Client, Tokens, tokens};
use crate::harness::{ADMIN_PASSWORD, Reply, Server};

const SCOPE: &str = "atproto transition:generic";

async fn introspect(server: &Server, client: &Client, token: &str) -> Reply {
    client.post(server, "/oauth/introspect", &[("token", token)]).await
}

async fn is_active(server: &Server, client: &Client, tokens: &Tokens) -> bool {
    introspect(server, client, &tokens.access).await.json()["active"].as_bool().unwrap()
}

/// Uses an access token.
async fn use_it(server: &Server, client: &Client, tokens: &Tokens) {
    let path = "/xrpc/com.atproto.server.getSession";
    let reply = client.call(server, &tokens.access, Method::GET, path, &[], Vec::new()).await;
    assert_eq!(reply.status, 200, "{:?}", reply.error());
}

#[tokio::test]
async fn an_answer_that_was_lost_comes_again_until_something_of_it_is_used() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let first = client.sign_in(&server, &alice, SCOPE).await;
    use_it(&server, &client, &first).await;
    let lost = tokens(&client.refresh(&server, &first.refresh).await);
    // A day without a network: the access token is not even good any more.
    server.clock.advance(Duration::from_secs(24 * 3600));
    let second = tokens(&client.refresh(&server, &first.refresh).await);
    assert_eq!((&second.access, &second.refresh), (&lost.access, &lost.refresh));
    assert_eq!(second.answer["expires_in"], 0);
    let third = tokens(&client.refresh(&server, &second.refresh).await);
    server.clock.advance(Duration::from_secs(61));
    // The last exchanged token is still good, but not the one before.
    let again = tokens(&client.refresh(&server, &second.refresh).await);
    assert_eq!(again.access, third.access);
    let older = client.refresh(&server, &first.refresh).await;
    assert_eq!(older.error(), (400, "invalid_grant".into()));
    assert!(!is_active(&server, &client, &third).await);
}

#[tokio::test]
async fn a_sign_out_with_the_token_whose_answer_was_lost_ends_the_session() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let first = client.sign_in(&server, &alice, SCOPE).await;
    let lost = tokens(&client.refresh(&server, &first.refresh).await);
    server.clock.advance(Duration::from_secs(300));
    client.post(&server, "/oauth/revoke", &[("token", first.refresh.as_str())]).await;
    assert!(!is_active(&server, &client, &lost).await);
}

#[tokio::test]
async fn a_refresh_gives_both_tokens_anew_and_the_same_ones_for_a_minute() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let first = client.sign_in(&server, &alice, SCOPE).await;
    let second = tokens(&client.refresh(&server, &first.refresh).await);
    assert_ne!((&second.access, &second.refresh), (&first.access, &first.refresh));
    assert!(!is_active(&server, &client, &first).await);
    server.clock.advance(Duration::from_secs(59));
    let again = tokens(&client.refresh(&server, &first.refresh).await);
    assert_eq!((&again.access, &again.refresh), (&second.access, &second.refresh));
    assert_eq!(again.answer["expires_in"], 1800 - 59);
    assert!(is_active(&server, &client, &second).await);

    use_it(&server, &client, &second).await;
    let again = tokens(&client.refresh(&server, &first.refresh).await);
    assert_eq!(again.access, second.access, "the grace is for those who ask twice at once");
    server.clock.advance(Duration::from_secs(1));
    let replayed = client.refresh(&server, &first.refresh).await;
    assert_eq!(replayed.error(), (400, "invalid_grant".into()));
    assert!(!is_active(&server, &client, &second).await);
    assert_eq!(
        client.refresh(&server, &second.refresh).await.error(),
        (400, "invalid_grant".into())
    );
}

#[tokio::test]
async fn who_has_stolen_a_refresh_token_can_neither_use_it_nor_end_the_session() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let held = client.sign_in(&server, &alice, SCOPE).await;
    for thief in [client.with_other_key(), Client::loopback("atproto")] {
        let refused = thief.refresh(&server, &held.refresh).await;
        assert_eq!(refused.error(), (400, "invalid_grant".into()));
    }
    server.clock.advance(Duration::from_secs(120));
    tokens(&client.refresh(&server, &held.refresh).await);
}

#[tokio::test]
async fn a_public_client_stays_for_two_weeks() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let mut held = client.sign_in(&server, &alice, SCOPE).await;
    for _ in 0..13 {
        server.clock.advance(Duration::from_secs(24 * 3600));
        held = tokens(&client.refresh(&server, &held.refresh).await);
    }
    server.clock.advance(Duration::from_secs(23 * 3600 + 55 * 60));
    held = tokens(&client.refresh(&server, &held.refresh).await);
    assert_eq!(held.answer["expires_in"], 300, "not past the session's end");
    server.clock.advance(Duration::from_secs(300));
    let over = client.refresh(&server, &held.refresh).await;
    assert_eq!(over.error(), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_confidential_client_stays_for_two_years() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::discoverable(true, SCOPE).await;
    let mut held = client.sign_in(&server, &alice, SCOPE).await;
    let day = Duration::from_secs(24 * 3600);
    for _ in 0..9 {
        server.clock.advance(81 * day);
        held = tokens(&client.refresh(&server, &held.refresh).await);
        assert_eq!(held.answer["expires_in"], 1800);
    }
    // Two years are 730 days.
    server.clock.advance(day - Duration::from_secs(300));
    held = tokens(&client.refresh(&server, &held.refresh).await);
    assert_eq!(held.answer["expires_in"], 300, "not past the session's end");
    server.clock.advance(Duration::from_secs(299));
    use_it(&server, &client, &held).await;
    server.clock.advance(Duration::from_secs(1));
    assert!(!is_active(&server, &client, &held).await);
    let over = client.refresh(&server, &held.refresh).await;
    assert_eq!(over.error(), (400, "invalid_grant".into()));
    // Its own sign-in is as good as ever.
    client.sign_in(&server, &alice, SCOPE).await;
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_but_not_for_more() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let declared = "atproto transition:generic transition:email";
    let client = Client::loopback(declared);
    let held = client.sign_in(&server, &alice, SCOPE).await;
    let refresh = async |token: &str, scope: &str| {
        let params = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        client.post(&server, "/oauth/token", &params).await
    };
    let more = refresh(&held.refresh, declared).await;
    assert_eq!(more.error(), (400, "invalid_scope".into()));
    let less = tokens(&refresh(&held.refresh, "atproto").await);
    assert_eq!(less.answer["scope"], "atproto");
    let all = tokens(&client.refresh(&server, &less.refresh).await);
    assert_eq!(all.answer["scope"], SCOPE);
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens_only() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let other = Client::loopback("atproto");
    for by_refresh_token in [false, true] {
        let held = client.sign_in(&server, &alice, SCOPE).await;
        let token = if by_refresh_token { &held.refresh } else { &held.access };
        for nothing in [token.as_str(), "tok-x", "anything"] {
            let reply = other.post(&server, "/oauth/revoke", &[("token", nothing)]).await;
            assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({})));
        }
        assert!(is_active(&server, &client, &held).await);
        let reply = client.post(&server, "/oauth/revoke", &[("token", token)]).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({})));
        assert!(!is_active(&server, &client, &held).await);
        let ended = client.refresh(&server, &held.refresh).await;
        assert_eq!(ended.error(), (400, "invalid_grant".into()));
    }
    let none = client.post(&server, "/oauth/revoke", &[]).await;
    assert_eq!(none.error(), (400, "invalid_request".into()));
}

#[tokio::test]
async fn clients_learn_about_their_own_tokens_and_the_operator_about_any() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let held = client.sign_in(&server, &alice, SCOPE).await;
    let answer = introspect(&server, &client, &held.access).await;
    let now = cairn_identity::Clock::now(server.clock.as_ref()).as_second();
    let expected = json!({
        "active": true,
        "iss": "https://pds.test",
        "aud": "https://pds.test",
        "sub": alice.did.as_str(),
        "client_id": client.id,
        "scope": SCOPE,
        "token_type": "DPoP",
        "iat": now,
        "exp": now + 1800,
        "cnf": { "jkt": answer.json()["cnf"]["jkt"] },
    });
    assert_eq!(answer.json(), expected);
    for stranger in [client.with_other_key(), Client::loopback("atproto")] {
        let answer = introspect(&server, &stranger, &held.access).await;
        assert_eq!(answer.json(), json!({ "active": false }));
    }
    let body = format!("token={}", held.access);
    let basic =
        |password: &str| format!("Basic {}", BASE64.encode(format!("admin:{password}").as_bytes()));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let right = basic(ADMIN_PASSWORD);
    let headers = [form, ("authorization", right.as_str())];
    assert_eq!(
        server.post_with("/oauth/introspect", &headers, body.clone()).await.json(),
        expected
    );
    let wrong = basic("guess");
    let headers = [form, ("authorization", wrong.as_str())];
    let refused = server.post_with("/oauth/introspect", &headers, body).await;
    assert_eq!(refused.status, 401);
    server.clock.advance(Duration::from_secs(1800));
    assert!(!is_active(&server, &client, &held).await);
}

#[tokio::test]
async fn a_takedown_ends_what_was_granted() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let held = client.sign_in(&server, &alice, SCOPE).await;
    assert!(is_active(&server, &client, &held).await);
    server.app.store.takedown(&alice.did, None).await.unwrap();
    assert!(!is_active(&server, &client, &held).await);
    assert_eq!(client.refresh(&server, &held.refresh).await.error(), (400, "invalid_grant".into()));
}
