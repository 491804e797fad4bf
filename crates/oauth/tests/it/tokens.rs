//! Tokens, codes and request URIs.

use std::time::Duration;

use cairn_model::Did;
use cairn_oauth::Params;
use cairn_oauth::grant::{TokenRequest, TokenResponse};
use cairn_oauth::scope::Scopes;
use cairn_oauth::token::{
    ACCESS_TOKEN_LIFETIME, AccessToken, Code, RefreshToken, RequestUri, expires_at, hash,
};
use serde_json::json;

use crate::support::{at, code, now, params};

#[test]
fn each_kind_has_its_form() {
    let (access, refresh) = (AccessToken::generate(), RefreshToken::generate());
    let (code, request) = (Code::generate(), RequestUri::generate());
    let texts = [access.as_str(), refresh.as_str(), code.as_str(), request.as_str()];
    let prefixes = ["tok-", "ref-", "cod-", "urn:ietf:params:oauth:request_uri:req-"];
    for ((text, prefix), length) in texts.into_iter().zip(prefixes).zip([43, 64, 43, 43]) {
        assert_eq!(text.strip_prefix(prefix).unwrap().len(), length);
    }
    assert_eq!(RefreshToken::from_secret(&refresh.secret()).as_str(), refresh.as_str());
    assert_eq!(AccessToken::parse(access.as_str()).unwrap().hash(), access.hash());
    assert_eq!(access.hash(), hash(access.as_str()));
    assert_ne!(AccessToken::generate().as_str(), access.as_str());
    assert_eq!(format!("{access:?} {request:?}"), "tok-… urn:ietf:params:oauth:request_uri:req-…");
}

#[test]
fn other_texts_are_no_tokens() {
    let refresh = RefreshToken::generate();
    let short = refresh.as_str().get(4..46).unwrap();
    for bad in [
        "",
        "tok-",
        refresh.as_str(),
        &refresh.as_str().replace("ref-", "tok-="),
        &format!("tok-{short}"),
    ] {
        assert!(AccessToken::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_access_token_does_not_outlive_its_session() {
    let minutes = |minutes: i64| at(30 + minutes * 60);
    assert_eq!(expires_at(now(), ACCESS_TOKEN_LIFETIME, minutes(90)), minutes(30));
    assert_eq!(expires_at(now(), ACCESS_TOKEN_LIFETIME, minutes(7)), minutes(7));
}

#[test]
fn the_token_endpoint_is_asked_for_a_code_or_a_refresh() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let (a_code, refresh) = (Code::generate(), RefreshToken::generate());
    let request = json!({ "grant_type": "authorization_code", "code": a_code.as_str(), "code_verifier": verifier });
    let TokenRequest::Code { code: read, redirect_uri: None, code_verifier } =
        TokenRequest::from_params(&params(request)).unwrap()
    else {
        panic!("a code was sent");
    };
    assert_eq!((read.as_str(), code_verifier.as_str()), (a_code.as_str(), verifier));
    let request = json!({ "grant_type": "refresh_token", "refresh_token": refresh.as_str(), "scope": "atproto x" });
    let TokenRequest::Refresh { refresh_token, scope: Some(scope) } =
        TokenRequest::from_params(&params(request)).unwrap()
    else {
        panic!("a refresh token was sent");
    };
    assert_eq!((refresh_token.as_str(), scope), (refresh.as_str(), Scopes::parse("atproto")));

    let cases = [
        (json!({}), "invalid_request"),
        (json!({ "grant_type": "password" }), "unsupported_grant_type"),
        (json!({ "grant_type": "client_credentials" }), "unsupported_grant_type"),
        (json!({ "grant_type": "authorization_code" }), "invalid_request"),
        (
            json!({ "grant_type": "authorization_code", "code": "cod-x", "code_verifier": verifier }),
            "invalid_grant",
        ),
        (json!({ "grant_type": "authorization_code", "code": a_code.as_str() }), "invalid_request"),
        (json!({ "grant_type": "refresh_token" }), "invalid_request"),
        (
            json!({ "grant_type": "refresh_token", "refresh_token": a_code.as_str() }),
            "invalid_grant",
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(
            code(TokenRequest::from_params(&params(request.clone()))),
            expected,
            "{request}"
        );
    }
}

#[test]
fn the_answer_names_account_and_scopes() {
    let (access, refresh) = (AccessToken::generate(), RefreshToken::generate());
    let (scope, sub) = (Scopes::parse("repo:* atproto"), Did::parse("did:plc:abc").unwrap());
    let mut answer = TokenResponse {
        access_token: &access,
        refresh_token: Some(&refresh),
        expires_in: Duration::from_secs(1800),
        scope: &scope,
        sub: &sub,
    };
    let mut expected = json!({
        "access_token": access.as_str(),
        "refresh_token": refresh.as_str(),
        "token_type": "DPoP",
        "expires_in": 1800,
        "scope": "atproto repo:*",
        "sub": "did:plc:abc",
    });
    assert_eq!(answer.to_json(), expected);
    answer.refresh_token = None;
    expected.as_object_mut().unwrap().remove("refresh_token");
    assert_eq!(answer.to_json(), expected);
}

#[test]
fn parameters_stand_once_and_are_bounded() {
    let form = Params::from_form(b"a=1&b=%20x+y&c=").unwrap();
    assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), Some(" x y"), None));
    assert_eq!(format!("{form:?}"), r#"{"a", "b"}"#);
    let json = Params::from_json(br#"{"a":"1","b":2,"c":true,"d":null}"#).unwrap();
    assert_eq!(
        (json.get("a"), json.get("b"), json.get("c"), json.get("d")),
        (Some("1"), Some("2"), Some("true"), None)
    );
    let many: String = (0..65).map(|n| format!("p{n}=1&")).collect();
    let long = format!("a={}", "x".repeat(40_000));
    for bad in ["a=1&a=1", "a=1&a=2", many.as_str(), long.as_str()] {
        assert_eq!(code(Params::from_form(bad.as_bytes())), "invalid_request");
    }
    for bad in ["[]", "{", r#"{"a":{}}"#, r#"{"a":["b"]}"#, r#"{"a":"1","a":"2"}"#] {
        assert_eq!(code(Params::from_json(bad.as_bytes())), "invalid_request", "{bad}");
    }
}
