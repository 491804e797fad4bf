//! Authorization requests and their answers. <https://atproto.com/specs/oauth#authorization-requests>

use cairn_oauth::client::ClientMetadata;
use cairn_oauth::dpop::Proof;
use cairn_oauth::request::{
    Answer, AuthorizationRequest, DisplayMode, Prompt, Response, ResponseMode,
};
use cairn_oauth::token::Code;
use cairn_oauth::{OAuthError, OAuthErrorCode};
use serde_json::{Value, json};

use crate::support::{
    CLIENT_ID, ISSUER, client, code, confidential_document, key, loopback, params, public_document,
    with,
};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn good() -> Value {
    json!({
        "client_id": CLIENT_ID,
        "response_type": "code",
        "redirect_uri": "https://app.example.com/callback",
        "scope": "atproto repo:app.example.note",
        "state": "s t&ate",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    })
}

fn ask(client: &ClientMetadata, changes: Value) -> Result<AuthorizationRequest, OAuthError> {
    AuthorizationRequest::from_params(&params(with(good(), changes)), client)
}

fn public() -> ClientMetadata {
    client(&public_document())
}

#[test]
fn a_good_request_is_read_and_can_be_stored() {
    let request = ask(&public(), json!({
        "response_mode": "fragment", "login_hint": "Alice.Example.COM", "prompt": "login",
        "ui_locales": "fr de-AT not_a_tag", "display": "popup", "max_age": 60, "dpop_jkt": CHALLENGE,
        "client_secret": "ignored", "unknown": "ignored",
    }))
    .unwrap();
    assert_eq!(request.client_id.as_str(), CLIENT_ID);
    assert_eq!(request.redirect_uri.as_str(), "https://app.example.com/callback");
    assert_eq!(request.scope.to_string(), "atproto repo:app.example.note");
    assert_eq!(request.state, "s t&ate");
    assert_eq!(request.code_challenge.as_str(), CHALLENGE);
    assert_eq!(request.dpop_jkt.as_deref(), Some(CHALLENGE));
    assert_eq!(request.response_mode, ResponseMode::Fragment);
    assert_eq!(request.login_hint.as_ref().unwrap().as_str(), "alice.example.com");
    assert_eq!(request.prompt, Some(Prompt::Login));
    assert_eq!(request.ui_locales, ["fr", "de-AT"]);
    assert_eq!(request.display, Some(DisplayMode::Popup));
    assert_eq!(request.max_age, Some(60));
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&stored).unwrap(), request);
}

#[test]
fn each_rule_of_a_request_is_kept() {
    let client = public();
    let cases = [
        (json!({ "client_id": null }), "invalid_request"),
        (json!({ "client_id": "https://other.example.com/c" }), "invalid_request"),
        (json!({ "response_type": null }), "invalid_request"),
        (json!({ "response_type": "token" }), "unsupported_response_type"),
        (json!({ "response_type": "code id_token" }), "unsupported_response_type"),
        (json!({ "redirect_uri": null }), "invalid_request"),
        (json!({ "redirect_uri": "https://app.example.com/callback/" }), "invalid_request"),
        (json!({ "redirect_uri": "https://app.example.com/callback?x=y" }), "invalid_request"),
        (json!({ "redirect_uri": "https://evil.example.org/callback" }), "invalid_request"),
        (json!({ "redirect_uri": "javascript:alert(1)" }), "invalid_request"),
        (json!({ "scope": null }), "invalid_scope"),
        (json!({ "scope": "repo:app.example.note" }), "invalid_scope"),
        (json!({ "scope": "atproto repo:app.example.other" }), "invalid_scope"),
        (json!({ "scope": "atproto repo:*" }), "invalid_scope"),
        (json!({ "scope": "atproto unknown:thing" }), "invalid_scope"),
        (json!({ "scope": "atproto openid" }), "invalid_scope"),
        (json!({ "state": null }), "invalid_request"),
        (json!({ "state": "" }), "invalid_request"),
        (json!({ "state": "x".repeat(2049) }), "invalid_request"),
        (json!({ "code_challenge": null }), "invalid_request"),
        (json!({ "code_challenge": "short" }), "invalid_request"),
        (json!({ "code_challenge_method": null }), "invalid_request"),
        (json!({ "code_challenge_method": "plain" }), "invalid_request"),
        (json!({ "dpop_jkt": "short" }), "invalid_request"),
        (json!({ "response_mode": "jwt" }), "invalid_request"),
        (json!({ "prompt": "sometimes" }), "invalid_request"),
        (json!({ "prompt": "login consent" }), "invalid_request"),
        (json!({ "display": "hologram" }), "invalid_request"),
        (json!({ "max_age": "-1" }), "invalid_request"),
        (json!({ "login_hint": "alice@example.com" }), "invalid_request"),
        (json!({ "login_hint": "did:key:zabc" }), "invalid_request"),
        (json!({ "request": "eyJ9.e30." }), "request_not_supported"),
        (json!({ "request_uri": "urn:x" }), "invalid_request"),
        (json!({ "claims": "{}" }), "invalid_request"),
        (json!({ "id_token_hint": "x" }), "invalid_request"),
        (json!({ "nonce": "x" }), "invalid_request"),
        (json!({ "authorization_details": "[]" }), "invalid_request"),
    ];
    for (changes, expected) in cases {
        assert_eq!(code(ask(&client, changes.clone())), expected, "{changes}");
    }
}

#[test]
fn scopes_that_are_declared_but_not_understood_are_dropped() {
    let request = ask(&public(), json!({ "scope": "atproto some:thing" })).unwrap();
    assert_eq!(request.scope.to_string(), "atproto");
}

#[test]
fn the_only_redirect_uri_may_be_left_out() {
    let document =
        with(public_document(), json!({ "redirect_uris": ["https://app.example.com/only"] }));
    let request = ask(&client(&document), json!({ "redirect_uri": null })).unwrap();
    assert_eq!(request.redirect_uri.as_str(), "https://app.example.com/only");
}

#[test]
fn login_hints_are_dids_too() {
    let request = ask(&public(), json!({ "login_hint": "did:plc:ABC" })).unwrap();
    assert_eq!(request.login_hint.unwrap().as_str(), "did:plc:abc");
}

#[test]
fn who_cannot_prove_itself_always_asks() {
    let (public, confidential) = (public(), client(&confidential_document(&key())));
    let none = json!({ "prompt": "none" });
    assert_eq!(code(ask(&public, none.clone())), "consent_required");
    assert!(ask(&public, json!({})).unwrap().must_ask(&public));
    assert!(!ask(&confidential, none.clone()).unwrap().must_ask(&confidential));
    assert!(ask(&confidential, json!({ "prompt": "consent" })).unwrap().must_ask(&confidential));
    let trusted = public.with_trust(true);
    assert!(!ask(&trusted, none).unwrap().must_ask(&trusted));
}

#[test]
fn tokens_are_bound_to_the_key_of_the_proof() {
    let proof = |jkt: &str| Proof { jkt: jkt.to_owned() };
    let mut request = ask(&public(), json!({})).unwrap();
    request.bind_dpop(None).unwrap();
    assert_eq!(request.dpop_jkt, None);
    request.bind_dpop(Some(&proof(CHALLENGE))).unwrap();
    assert_eq!(request.dpop_jkt.as_deref(), Some(CHALLENGE));
    let other = request.bind_dpop(Some(&proof("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")));
    assert_eq!(code(other), "invalid_dpop_proof");
    assert_eq!(request.dpop_jkt.as_deref(), Some(CHALLENGE));
}

#[test]
fn the_answer_goes_back_with_issuer_and_state() {
    let the_code = Code::generate();
    let sent =
        |changes: Value, answer| ask(&public(), changes).unwrap().redirect_with(ISSUER, answer);
    let fields =
        format!("iss=https%3A%2F%2Fpds.example.com&state=s+t%26ate&code={}", the_code.as_str());
    let redirect = |text: String| Response::Redirect(text.parse().unwrap());
    assert_eq!(
        sent(json!({}), Answer::Code(&the_code)),
        redirect(format!("https://app.example.com/callback?{fields}"))
    );
    assert_eq!(
        sent(json!({ "response_mode": "fragment" }), Answer::Code(&the_code)),
        redirect(format!("https://app.example.com/callback#{fields}"))
    );
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, "no");
    assert_eq!(
        sent(json!({ "response_mode": "form_post" }), Answer::Error(&error)),
        Response::FormPost {
            action: "https://app.example.com/callback".parse().unwrap(),
            fields: vec![
                ("iss", ISSUER.to_owned()),
                ("state", "s t&ate".to_owned()),
                ("error", "access_denied".to_owned()),
                ("error_description", "no".to_owned()),
            ],
        }
    );
}

#[test]
fn the_answer_keeps_the_query_of_the_redirect_uri() {
    let id = "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb%3Fa%3Db";
    let client = loopback(id);
    let request = ask(
        &client,
        json!({
            "client_id": id, "scope": "atproto", "redirect_uri": "http://127.0.0.1:4000/cb?a=b",
        }),
    )
    .unwrap();
    let the_code = Code::generate();
    let Response::Redirect(url) = request.redirect_with(ISSUER, Answer::Code(&the_code)) else {
        panic!("the answer is a redirect");
    };
    let expected = format!(
        "http://127.0.0.1:4000/cb?a=b&iss=https%3A%2F%2Fpds.example.com&state=s+t%26ate&code={}",
        the_code.as_str()
    );
    assert_eq!(url.as_str(), expected);
}

#[test]
fn an_app_is_opened_not_posted_to() {
    let document = with(
        public_document(),
        json!({
            "application_type": "native", "redirect_uris": ["com.example.app:/cb"],
        }),
    );
    let client = client(&document);
    let app = |mode: &str| {
        ask(&client, json!({ "redirect_uri": "com.example.app:/cb", "response_mode": mode }))
    };
    assert_eq!(code(app("form_post")), "invalid_request");
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, "no");
    let Response::Redirect(url) =
        app("query").unwrap().redirect_with(ISSUER, Answer::Error(&error))
    else {
        panic!("the answer is a redirect");
    };
    assert_eq!(
        url.as_str(),
        "com.example.app:/cb?iss=https%3A%2F%2Fpds.example.com&state=s+t%26ate&error=access_denied&error_description=no"
    );
}
