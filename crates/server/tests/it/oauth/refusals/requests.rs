//! Pushed requests: RFC 6749 §4.1.2.1, RFC 7636 §4.4.1, RFC 9126 §2.3, RFC 9449 §10, and the profile.

use serde_json::json;

use super::{Row, Stage, random, row};

#[rustfmt::skip]
const PUSHED: &[Row] = &[
    row("no client_id", "invalid_request", |it| it.remove("client_id")),
    row("client_id is no URL", "invalid_client", |it| it.set("client_id", "app")),
    row("client_id with a fragment", "invalid_client", |it| it.set("client_id", "https://app.example.com/c#x")),
    row("client_id with credentials", "invalid_client", |it| it.set("client_id", "https://u:p@app.example.com/c")),
    row("client_id that is not canonical", "invalid_client", |it| it.set("client_id", "https://app.example.com/a/../c")),
    row("client_id without a path", "invalid_client", |it| it.set("client_id", "https://app.example.com/")),
    row("loopback client_id with a path", "invalid_client", |it| it.set("client_id", "http://localhost/app")),
    row("loopback client_id with other parameters", "invalid_client", |it| it.set("client_id", "http://localhost?x=1")),
    row("loopback client_id that leads to localhost", "invalid_client", |it| {
        it.set("client_id", "http://localhost?redirect_uri=http%3A%2F%2Flocalhost%2F");
    }),
    row("loopback client_id that leads elsewhere", "invalid_client", |it| {
        it.set("client_id", "http://localhost?redirect_uri=https%3A%2F%2Fevil.example.com%2F");
    }),
    row("no response_type", "invalid_request", |it| it.remove("response_type")),
    row("implicit flow", "unsupported_response_type", |it| it.set("response_type", "token")),
    row("hybrid flow", "unsupported_response_type", |it| it.set("response_type", "code id_token")),
    row("another redirect_uri", "invalid_request", |it| it.set("redirect_uri", "https://evil.example.com/")),
    row("redirect_uri with another path", "invalid_request", |it| it.set("redirect_uri", "http://127.0.0.1:8123/callback/x")),
    row("redirect_uri with a query", "invalid_request", |it| it.set("redirect_uri", "http://127.0.0.1:8123/callback?x=1")),
    row("redirect_uri with a fragment", "invalid_request", |it| it.set("redirect_uri", "http://127.0.0.1:8123/callback#x")),
    row("redirect_uri with credentials", "invalid_request", |it| it.set("redirect_uri", "http://u@127.0.0.1:8123/callback")),
    row("redirect_uri on localhost", "invalid_request", |it| it.set("redirect_uri", "http://localhost:8123/callback")),
    row("redirect_uri on the other loopback address", "invalid_request", |it| it.set("redirect_uri", "http://[::1]:8123/callback")),
    row("redirect_uri in another spelling", "invalid_request", |it| it.set("redirect_uri", "http://127.0.0.1:8123/x/../callback")),
    row("redirect_uri that is a script", "invalid_request", |it| it.set("redirect_uri", "javascript:alert(1)")),
    row("no scope", "invalid_scope", |it| it.remove("scope")),
    row("scope without atproto", "invalid_scope", |it| it.set("scope", "transition:generic")),
    row("scope that is not declared", "invalid_scope", |it| it.set("scope", "atproto transition:email")),
    row("OpenID Connect", "invalid_scope", |it| it.set("scope", "atproto openid")),
    row("no state", "invalid_request", |it| it.remove("state")),
    row("state of 3 KiB", "invalid_request", |it| it.set("state", "s".repeat(3072))),
    row("no code_challenge", "invalid_request", |it| it.remove("code_challenge")),
    row("no code_challenge_method", "invalid_request", |it| it.remove("code_challenge_method")),
    row("plain code_challenge", "invalid_request", |it| it.set("code_challenge_method", "plain")),
    row("code_challenge that is no digest", "invalid_request", |it| it.set("code_challenge", "short")),
    row("code_challenge with padding", "invalid_request", |it| it.set("code_challenge", format!("{}=", random()))),
    row("dpop_jkt that is no thumbprint", "invalid_request", |it| it.set("dpop_jkt", "key")),
    row("dpop_jkt of another key than the proof's", "invalid_dpop_proof", |it| it.set("dpop_jkt", random())),
    row("unknown response_mode", "invalid_request", |it| it.set("response_mode", "web_message")),
    row("unknown prompt", "invalid_request", |it| it.set("prompt", "please")),
    row("two prompts", "invalid_request", |it| it.set("prompt", "login consent")),
    row("no prompt for a public client", "invalid_request", |it| it.set("prompt", "none")),
    row("unknown display", "invalid_request", |it| it.set("display", "wall")),
    row("max_age that is no number", "invalid_request", |it| it.set("max_age", "-1")),
    row("login_hint that is no name", "invalid_request", |it| it.set("login_hint", "alice@example.com")),
    row("login_hint of another DID method", "invalid_request", |it| it.set("login_hint", "did:key:zQ3sh")),
    row("request object", "request_not_supported", |it| it.set("request", "e30.e30.")),
    row("request_uri", "invalid_request", |it| it.set("request_uri", "urn:ietf:params:oauth:request_uri:req-x")),
    row("claims", "invalid_request", |it| it.set("claims", "{}")),
    row("id_token_hint", "invalid_request", |it| it.set("id_token_hint", "x")),
    row("nonce", "invalid_request", |it| it.set("nonce", "x")),
    row("authorization_details", "invalid_request", |it| it.set("authorization_details", "[]")),
    row("state twice", "invalid_request", |it| it.repeated = Some("state")),
    row("redirect_uri twice", "invalid_request", |it| it.repeated = Some("redirect_uri")),
    row("65 parameters", "invalid_request", |it| (0..65).for_each(|n| it.set(&format!("x{n}"), "x"))),
    row("another content type", "invalid_request", |it| it.headers[0].1 = "text/plain".into()).status(415),
    row("no content type", "invalid_request", |it| it.headers.clear()),
    row("body of 70 KiB", "invalid_request", |it| it.set("x", "x".repeat(70_000))).status(413),
    row("value of 40 KiB", "invalid_request", |it| it.set("x", "x".repeat(40_000))),
];

#[tokio::test]
async fn each_fault_of_a_pushed_request_is_named_and_nothing_is_kept() {
    let stage = Stage::public().await;
    let verifier = random();
    stage.refuses(PUSHED, || stage.push(&verifier)).await;
    // A challenge serves once: none of the rows has used it.
    let answer = stage.takes(&stage.push(&verifier), 201).await;
    assert_eq!(answer["expires_in"], json!(300));
    let used = [row("code_challenge of an earlier request", "invalid_request", |_| {})];
    stage.refuses(&used, || stage.push(&verifier)).await;
}
