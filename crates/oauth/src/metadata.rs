//! The two documents by which clients find the server and learn what it can do.

use serde_json::{Value, json};

use crate::SIGNING_ALGORITHMS;

/// The paths of the endpoints, below the issuer.
pub mod paths {
    /// The authorization server's metadata (RFC 8414 §3).
    pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
    /// The protected resource's metadata (RFC 9728 §3).
    pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";
    /// The server's keys.
    pub const JWKS: &str = "/oauth/jwks";
    /// Pushed authorization requests (RFC 9126).
    pub const PAR: &str = "/oauth/par";
    /// Where people consent.
    pub const AUTHORIZE: &str = "/oauth/authorize";
    /// Codes and refresh tokens become access tokens here.
    pub const TOKEN: &str = "/oauth/token";
    /// Tokens end here (RFC 7009).
    pub const REVOKE: &str = "/oauth/revoke";
    /// What a token stands for (RFC 7662).
    pub const INTROSPECT: &str = "/oauth/introspect";
    /// Where people see their sessions and end them.
    pub const ACCOUNT: &str = "/account";
}

/// The authorization server's metadata (RFC 8414, <https://atproto.com/specs/oauth#server-metadata>).
///
/// `issuer` is an origin without a slash at its end; `ui_locales` are the languages of the pages, as BCP 47 tags.
///
/// Request objects (RFC 9101) are not advertised because they are not taken: all requests are pushed over TLS by a
/// client that proves itself there, so a signature over the parameters would add nothing.
#[must_use]
pub fn authorization_server(issuer: &str, ui_locales: &[&str]) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": at(paths::AUTHORIZE),
        "token_endpoint": at(paths::TOKEN),
        "revocation_endpoint": at(paths::REVOKE),
        "pushed_authorization_request_endpoint": at(paths::PAR),
        "jwks_uri": at(paths::JWKS),
        // draft-emelia-oauth-authorization-management-uri
        "authorization_management_uri": at(paths::ACCOUNT),
        "require_pushed_authorization_requests": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "scopes_supported":
            ["atproto", "transition:email", "transition:generic", "transition:chat.bsky"],
        "subject_types_supported": ["public"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": SIGNING_ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": SIGNING_ALGORITHMS,
        "introspection_endpoint": at(paths::INTROSPECT),
        "introspection_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": SIGNING_ALGORITHMS,
        "dpop_signing_alg_values_supported": SIGNING_ALGORITHMS,
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
        "ui_locales_supported": ui_locales,
        "display_values_supported": ["page", "popup", "touch"],
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "protected_resources": [issuer],
    })
}

/// The protected resource's metadata (RFC 9728, <https://atproto.com/specs/oauth#server-metadata>).
#[must_use]
pub fn protected_resource(resource: &str, authorization_server: &str) -> Value {
    json!({
        "resource": resource,
        "authorization_servers": [authorization_server],
        "scopes_supported": [],
        "bearer_methods_supported": ["header"],
        "dpop_bound_access_tokens_required": true,
        "dpop_signing_alg_values_supported": SIGNING_ALGORITHMS,
        "resource_documentation": "https://atproto.com",
    })
}
