//! The server's own documents, and how errors look on the wire.

use cairn_oauth::metadata::{authorization_server, protected_resource};
use cairn_oauth::{OAuthError, OAuthErrorCode};
use serde_json::{Value, json};

use crate::support::ISSUER;

#[test]
fn the_authorization_server_says_what_the_profile_asks_for() {
    let document = authorization_server(ISSUER, &["en", "fr"]);
    let expected = [
        ("issuer", json!(ISSUER)),
        ("authorization_endpoint", json!("https://pds.example.com/oauth/authorize")),
        ("token_endpoint", json!("https://pds.example.com/oauth/token")),
        ("revocation_endpoint", json!("https://pds.example.com/oauth/revoke")),
        ("introspection_endpoint", json!("https://pds.example.com/oauth/introspect")),
        ("pushed_authorization_request_endpoint", json!("https://pds.example.com/oauth/par")),
        ("jwks_uri", json!("https://pds.example.com/oauth/jwks")),
        ("require_pushed_authorization_requests", json!(true)),
        ("response_types_supported", json!(["code"])),
        ("grant_types_supported", json!(["authorization_code", "refresh_token"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("token_endpoint_auth_methods_supported", json!(["none", "private_key_jwt"])),
        ("token_endpoint_auth_signing_alg_values_supported", json!(["ES256", "ES256K"])),
        ("dpop_signing_alg_values_supported", json!(["ES256", "ES256K"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("client_id_metadata_document_supported", json!(true)),
        ("require_request_uri_registration", json!(true)),
        ("request_parameter_supported", json!(false)),
        ("protected_resources", json!([ISSUER])),
        ("ui_locales_supported", json!(["en", "fr"])),
    ];
    for (field, value) in expected {
        assert_eq!(document.get(field), Some(&value), "{field}");
    }
    let scopes: Vec<&str> =
        document["scopes_supported"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(scopes.contains(&"atproto"));
    assert_eq!(document.get("request_object_signing_alg_values_supported"), None);
}

#[test]
fn the_resource_names_one_authorization_server() {
    let document = protected_resource(ISSUER, ISSUER);
    assert_eq!(document["resource"], ISSUER);
    assert_eq!(document["authorization_servers"], json!([ISSUER]));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
}

#[test]
fn errors_have_the_names_and_statuses_of_the_rfcs() {
    use OAuthErrorCode::*;
    let cases = [
        (InvalidRequest, "invalid_request", 400, 400),
        (InvalidClient, "invalid_client", 400, 400),
        (InvalidGrant, "invalid_grant", 400, 400),
        (UnauthorizedClient, "unauthorized_client", 400, 400),
        (UnsupportedGrantType, "unsupported_grant_type", 400, 400),
        (UnsupportedResponseType, "unsupported_response_type", 400, 400),
        (InvalidScope, "invalid_scope", 400, 400),
        (AccessDenied, "access_denied", 400, 400),
        (LoginRequired, "login_required", 400, 400),
        (ConsentRequired, "consent_required", 400, 400),
        (AccountSelectionRequired, "account_selection_required", 400, 400),
        (InteractionRequired, "interaction_required", 400, 400),
        (RequestNotSupported, "request_not_supported", 400, 400),
        (InvalidRequestUri, "invalid_request_uri", 400, 400),
        (InvalidDpopProof, "invalid_dpop_proof", 400, 401),
        (UseDpopNonce, "use_dpop_nonce", 400, 401),
        (InvalidClientMetadata, "invalid_client_metadata", 400, 400),
        (InvalidRedirectUri, "invalid_redirect_uri", 400, 400),
        (InvalidToken, "invalid_token", 401, 401),
        (InsufficientScope, "insufficient_scope", 403, 403),
        (UnsupportedTokenType, "unsupported_token_type", 400, 400),
        (TemporarilyUnavailable, "temporarily_unavailable", 503, 503),
        (ServerError, "server_error", 500, 500),
    ];
    for (code, name, status, resource_status) in cases {
        assert_eq!((code.as_str(), code.status()), (name, status));
        assert_eq!(code.resource_status(), resource_status, "{name}");
        assert_eq!(serde_json::to_value(code).unwrap(), json!(name));
    }
}

#[test]
fn an_error_is_json_and_a_challenge() {
    let error = OAuthError::new(OAuthErrorCode::InvalidToken, "the \"token\"\n\\ is ünknown");
    assert_eq!(error.description(), "the 'token'?? is ?nknown");
    assert_eq!(
        error.to_json(),
        json!({ "error": "invalid_token", "error_description": "the 'token'?? is ?nknown" })
    );
    assert_eq!(
        error.www_authenticate(),
        r#"DPoP algs="ES256 ES256K", error="invalid_token", error_description="the 'token'?? is ?nknown""#
    );
}

#[test]
fn the_client_learns_nothing_of_what_failed_inside() {
    let error = OAuthError::server_error(std::io::Error::other("the disk is at /secret"));
    assert!(!error.to_json().to_string().contains("secret"));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("secret"));
}

#[test]
fn a_pushed_request_is_not_told_of_persons() {
    let told = |code| OAuthError::new(code, "x").at_par().code;
    assert_eq!(told(OAuthErrorCode::ConsentRequired), OAuthErrorCode::InvalidRequest);
    assert_eq!(told(OAuthErrorCode::AccessDenied), OAuthErrorCode::InvalidRequest);
    assert_eq!(told(OAuthErrorCode::InvalidScope), OAuthErrorCode::InvalidScope);
    assert_eq!(told(OAuthErrorCode::UseDpopNonce), OAuthErrorCode::UseDpopNonce);
}
