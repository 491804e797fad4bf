//! From a pushed request to tokens.

use cairn_identity::jws;
use cairn_oauth::OAuthError;
use cairn_oauth::OAuthErrorCode;
use cairn_oauth::request::Response;
use cairn_oauth::scope::Scopes;
use cairn_server::oauth::authorize::{self, AuthorizeError};
use cairn_store::{DeviceId, OpenRequestError};
use http::Method;
use serde_json::json;

use super::{Client, browser, random};
use crate::harness::Server;

const SCOPE: &str = "atproto transition:generic";

#[tokio::test]
async fn a_code_becomes_tokens_for_the_account_that_agreed() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let tokens = client.sign_in(&server, &alice, SCOPE).await;
    assert!(tokens.access.starts_with("tok-"));
    assert!(tokens.refresh.starts_with("ref-"));
    let answer = json!({
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "token_type": "DPoP",
        "expires_in": 1800,
        "scope": SCOPE,
        "sub": alice.did.as_str(),
    });
    assert_eq!(tokens.answer, answer);
}

#[tokio::test]
async fn a_proof_needs_a_nonce_of_this_server() {
    let server = Server::start().await;
    let client = Client::loopback(SCOPE);
    let params =
        [("grant_type", "refresh_token"), ("refresh_token", &*format!("ref-{}", "A".repeat(64)))];
    let first = client.post_once(&server, "/oauth/token", &params).await;
    assert_eq!(first.error(), (400, "use_dpop_nonce".into()));
    let second = client.post_once(&server, "/oauth/token", &params).await;
    assert_eq!(second.error(), (400, "invalid_grant".into()));

    let form =
        format!("client_id={}&grant_type=refresh_token&refresh_token=ref-{}", "x", "A".repeat(64));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let without = server.post_with("/oauth/token", &headers, form.clone()).await;
    assert_eq!(without.error(), (400, "invalid_dpop_proof".into()));
    let proof = client.proof(&server, &Method::POST, "/oauth/token", None);
    let twice = [headers[0], ("dpop", &proof), ("dpop", &proof)];
    let reply = server.post_with("/oauth/token", &twice, form).await;
    assert_eq!(reply.error(), (400, "invalid_dpop_proof".into()));
}

#[tokio::test]
async fn a_proof_is_used_once() {
    let server = Server::start().await;
    let client = Client::loopback(SCOPE);
    client
        .post_once(
            &server,
            "/oauth/token",
            &[("grant_type", "refresh_token"), ("refresh_token", "ref-x")],
        )
        .await;
    let proof = client.proof(&server, &Method::POST, "/oauth/token", None);
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &client.id)
        .append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", &format!("ref-{}", "A".repeat(64)))
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("dpop", proof.as_str())];
    let mut errors = Vec::new();
    for _ in 0..2 {
        errors.push(server.post_with("/oauth/token", &headers, form.clone()).await.error().1);
    }
    assert_eq!(errors, ["invalid_grant", "invalid_dpop_proof"]);
}

#[tokio::test]
async fn a_pushed_request_keeps_the_rules() {
    let server = Server::start().await;
    let client = Client::loopback(SCOPE);
    let verifier = random();
    let pushed = client.push(&server, SCOPE, &verifier).await;
    assert_eq!(pushed.status, 201);
    assert_eq!(pushed.json()["expires_in"], 300);
    let again = client.push(&server, SCOPE, &verifier).await;
    assert_eq!(again.error(), (400, "invalid_request".into()), "the challenge was used");
    let more = client.push(&server, "atproto transition:email", &random()).await;
    assert_eq!(more.error(), (400, "invalid_scope".into()));
    let none = client.post(&server, "/oauth/par", &[("response_type", "code")]).await;
    assert_eq!(none.error(), (400, "invalid_scope".into()));
    let other_type = client.post(&server, "/oauth/par", &[("response_type", "token")]).await;
    assert_eq!(other_type.error(), (400, "unsupported_response_type".into()));
    let silent = [
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s"),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("code_challenge", &*random()),
        ("code_challenge_method", "S256"),
        ("prompt", "none"),
    ];
    let silent = client.post(&server, "/oauth/par", &silent).await;
    assert_eq!(silent.error(), (400, "invalid_request".into()), "par has no consent_required");
}

#[tokio::test]
async fn an_unknown_permission_set_is_an_invalid_scope() {
    let server = Server::start().await;
    let scope = "atproto include:com.example.nowhere";
    let client = Client::loopback(scope);
    let pushed = client.push(&server, scope, &random()).await;
    assert_eq!(pushed.error(), (400, "invalid_scope".into()));
}

#[tokio::test]
async fn json_is_taken_like_a_form() {
    let server = Server::start().await;
    let client = Client::loopback(SCOPE);
    let body = json!({
        "client_id": client.id,
        "response_type": "code",
        "redirect_uri": "http://127.0.0.1:1/callback",
        "scope": SCOPE,
        "state": "s",
        "code_challenge": random(),
        "code_challenge_method": "S256",
    });
    let headers = [("content-type", "application/json; charset=utf-8")];
    let pushed = server.post_with("/oauth/par", &headers, body.to_string()).await;
    assert_eq!(pushed.status, 201, "{pushed:?}");
}

#[tokio::test]
async fn only_the_client_that_asked_can_use_the_code() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::discoverable(false, SCOPE).await;
    let verifier = random();
    let code = client.code(&server, &alice, SCOPE, &verifier).await;

    let wrong_verifier = client.exchange(&server, &code, &random()).await;
    assert_eq!(wrong_verifier.error(), (400, "invalid_grant".into()));
    let thief = client.with_other_key();
    let params =
        [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", &*verifier)];
    let other_key = thief.post(&server, "/oauth/token", &params).await;
    assert_eq!(other_key.error(), (400, "invalid_grant".into()));
    let stranger = Client::loopback(SCOPE);
    let other_client = stranger.exchange(&server, &code, &verifier).await;
    assert_eq!(other_client.error(), (400, "invalid_grant".into()));
    let elsewhere =
        [params[0], params[1], params[2], ("redirect_uri", "https://evil.example.com/")];
    let other_place = client.post(&server, "/oauth/token", &elsewhere).await;
    assert_eq!(other_place.error(), (400, "invalid_grant".into()));
    // None of them has spoilt it.
    let reply = client.exchange(&server, &code, &verifier).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test]
async fn the_second_use_of_a_code_ends_its_session_but_not_for_strangers() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let verifier = random();
    let code = client.code(&server, &alice, SCOPE, &verifier).await;
    let tokens = super::tokens(&client.exchange(&server, &code, &verifier).await);
    let stranger = client.exchange(&server, &code, &random()).await;
    assert_eq!(stranger.error(), (400, "invalid_grant".into()));
    let refreshed = super::tokens(&client.refresh(&server, &tokens.refresh).await);
    let again = client.exchange(&server, &code, &verifier).await;
    assert_eq!(again.error(), (400, "invalid_grant".into()));
    let ended = client.refresh(&server, &refreshed.refresh).await;
    assert_eq!(ended.error(), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_page_opens_a_request_in_one_browser_and_answers_it_once() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let account = server.app.store.account(&alice.did).await.unwrap().unwrap();
    let client = Client::loopback("atproto transition:generic transition:email");
    let pushed = client.push(&server, "atproto transition:email", &random()).await;
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let (here, there) = (browser(&server, &account).await, browser(&server, &account).await);
    let app = &server.app;
    let unknown = authorize::load_request(app, &uri, "http://localhost", here).await;
    assert!(
        matches!(unknown, Err(AuthorizeError::Request(OpenRequestError::Unknown))),
        "another client's"
    );
    let open = authorize::load_request(app, &uri, &client.id, here).await.unwrap();
    let elsewhere = authorize::load_request(app, &uri, &client.id, there).await;
    assert!(matches!(elsewhere, Err(AuthorizeError::Request(OpenRequestError::OtherDevice))));
    assert!(authorize::needs_consent(app, &open, &account).await.unwrap());

    let grant = async |device: DeviceId, scopes: &str| {
        authorize::grant(app, &open, device, &account, &Scopes::parse(scopes)).await
    };
    let more = grant(here, "atproto transition:generic").await;
    assert!(matches!(more, Err(AuthorizeError::OAuth(_))), "it was not asked for");
    let less = grant(here, "transition:email").await;
    assert!(matches!(less, Err(AuthorizeError::OAuth(_))), "atproto must stay");
    assert!(matches!(
        grant(there, "atproto").await,
        Err(AuthorizeError::Request(OpenRequestError::OtherDevice))
    ));
    grant(here, "atproto").await.unwrap();
    assert!(matches!(
        grant(here, "atproto").await,
        Err(AuthorizeError::Request(OpenRequestError::Answered))
    ));
}

#[tokio::test]
async fn a_refusal_goes_back_to_the_client_and_ends_the_request() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let account = server.app.store.account(&alice.did).await.unwrap().unwrap();
    let client = Client::loopback(SCOPE);
    let pushed = client.push(&server, SCOPE, &random()).await;
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let device = browser(&server, &account).await;
    let open = authorize::load_request(&server.app, &uri, &client.id, device).await.unwrap();
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, "the person said no");
    let Response::Redirect(url) = authorize::deny(&server.app, &open, &error).await.unwrap() else {
        panic!("not a redirect");
    };
    let query = "iss=https%3A%2F%2Fpds.test&state=a+state&error=access_denied&error_description=the+person+said+no";
    assert_eq!(url.as_str(), format!("http://127.0.0.1:8123/callback?{query}"));
    let ended = authorize::load_request(&server.app, &uri, &client.id, device).await;
    assert!(matches!(ended, Err(AuthorizeError::Request(OpenRequestError::Unknown))));
}

#[tokio::test]
async fn an_account_that_is_not_active_gets_no_tokens() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let client = Client::loopback(SCOPE);
    let verifier = random();
    let code = client.code(&server, &alice, SCOPE, &verifier).await;
    server.app.store.deactivate(&alice.did, None).await.unwrap();
    let refused = client.exchange(&server, &code, &verifier).await;
    assert_eq!(refused.error(), (400, "invalid_grant".into()));
}

/// Tokens are opaque: nobody should read them.
#[tokio::test]
async fn an_access_token_is_no_jwt() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let tokens = Client::loopback(SCOPE).sign_in(&server, &alice, SCOPE).await;
    assert!(jws::Compact::parse(&tokens.access).is_err());
}
