//! Bodies of the fuzz targets: they panic if a promise of the crate is broken. Property tests call them too.

use cairn_identity::jws::HmacKey;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use crate::Params;
use crate::client::{ClientId, ClientMetadata, RedirectUri};
use crate::dpop::{Nonces, Proofs};
use crate::request::{Answer, AuthorizationRequest, Response};
use crate::scope::{Scope, Scopes};
use crate::token::Code;

/// What is read as scopes prints as the same scopes, and allows itself.
///
/// # Panics
/// If a promise is broken.
pub fn scope(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope), "a scope prints as another");
    }
    let scopes = Scopes::parse(text);
    assert_eq!(Scopes::parse(&scopes.to_string()), scopes, "scopes print as others");
    assert!(scopes.is_subset_of(&scopes), "scopes do not allow themselves");
    let granted: Scopes =
        scopes.grants().iter().flat_map(|grant| grant.scopes.iter().cloned()).collect();
    assert!(granted.is_subset_of(&scopes), "a grant is of a scope that is not there");
}

/// Nobody has signed the proof: header and claims, each on a line, or the compact form.
///
/// # Panics
/// If a proof is accepted.
pub fn dpop(data: &[u8]) {
    let proofs = Proofs::new(Nonces::new(HmacKey::from_bytes(&[7; 32])));
    let refused = |proof: &str| {
        let outcome =
            proofs.verify(proof, "POST", "https://pds.example.com/x", None, Timestamp::UNIX_EPOCH);
        assert!(outcome.is_err(), "an unsigned proof is accepted");
    };
    if let Ok(text) = std::str::from_utf8(data) {
        refused(text);
    }
    if let Some(at) = data.iter().position(|byte| *byte == b'\n') {
        let (header, claims) = data.split_at(at);
        let part = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        refused(&format!("{}.{}.{}", part(header), part(claims), part(&[1; 64])));
    }
}

/// Client ids and redirect URIs print as they were read, and metadata that pass keep what the rest relies on.
///
/// # Panics
/// If a promise is broken.
pub fn client_metadata(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(id) = ClientId::parse(text) {
            assert_eq!(id.as_str(), text);
            if let ClientId::Loopback(id) = &id
                && let Ok(client) = ClientMetadata::loopback(id)
            {
                check_client(&client);
            }
        }
        if let Ok(uri) = RedirectUri::parse(text) {
            assert_eq!(uri.as_str(), text);
        }
    }
    let id = ClientId::parse("https://app.example.com/client.json").expect("the id is valid");
    if let Ok(client) = ClientMetadata::new(&id, data) {
        check_client(&client);
    }
}

fn check_client(client: &ClientMetadata) {
    assert!(client.scopes().contains_atproto());
    assert!(client.scopes().iter().all(|scope| client.declares(&scope.to_string())));
    assert!(!client.redirect_uris().is_empty());
    for uri in client.redirect_uris() {
        assert_eq!(client.redirect_uri(uri.as_str()).as_ref(), Some(uri));
    }
}

/// A request that passes can be stored, and its answer goes to one of the client's places.
///
/// # Panics
/// If a promise is broken.
pub fn request(data: &[u8]) {
    let id = ClientId::parse("http://localhost?scope=atproto%20repo:*").expect("the id is valid");
    let ClientId::Loopback(id) = &id else {
        return;
    };
    let client = ClientMetadata::loopback(id).expect("the client is valid");
    for params in [Params::from_form(data), Params::from_json(data)] {
        let Ok(request) =
            params.and_then(|params| AuthorizationRequest::from_params(&params, &client))
        else {
            continue;
        };
        let stored = serde_json::to_string(&request).expect("a request can be stored");
        let read: AuthorizationRequest = serde_json::from_str(&stored).expect("and read back");
        assert_eq!(read, request);
        let (Response::Redirect(url) | Response::FormPost { action: url, .. }) =
            request.redirect_with("https://pds.example.com", Answer::Code(&Code::generate()));
        assert!(matches!(url.host_str(), Some("127.0.0.1" | "[::1]")));
    }
}
