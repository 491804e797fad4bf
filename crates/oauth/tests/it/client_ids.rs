//! Client ids and redirect URIs. <https://atproto.com/specs/oauth#clients>

use cairn_oauth::client::{
    ClientId, ClientIdError, ClientMetadata, Network, RedirectKind, RedirectUri, RedirectUriError,
};

use crate::support::{code, loopback};

#[test]
fn ids_of_discoverable_clients_are_canonical_public_urls() {
    use ClientIdError::*;
    let cases = [
        ("https://app.example.com/client.json", Ok(())),
        ("https://app.example.com/a/b?version=2", Ok(())),
        ("https://app.example.com", Err(Path)),
        ("https://app.example.com/", Err(Path)),
        ("https://app.example.com/a/", Err(Path)),
        ("https://app.example.com:8443/a", Err(Port)),
        ("https://app.example.com:443/a", Err(NotCanonical)),
        ("https://user@app.example.com/a", Err(Credentials)),
        ("https://:pass@app.example.com/a", Err(Credentials)),
        ("https://app.example.com/a#b", Err(Fragment)),
        ("https://app.example.com/a#", Err(Fragment)),
        ("https://127.0.0.1/a", Err(Host)),
        ("https://[::1]/a", Err(Host)),
        ("https://203.0.113.7/a", Err(Host)),
        ("https://localhost/a", Err(Host)),
        ("https://intranet/a", Err(Host)),
        ("https://printer.local/a", Err(Host)),
        ("https://app.test/a", Err(Host)),
        ("https://app.example.com./a", Err(Host)),
        ("https://APP.example.com/a", Err(NotCanonical)),
        ("https://app.example.com/a/../b", Err(NotCanonical)),
        ("https://app.example.com/a/%2e%2e/b", Err(NotCanonical)),
        ("https://app.example.com/a b", Err(NotCanonical)),
        (" https://app.example.com/a", Err(NotCanonical)),
        ("https:/app.example.com/a", Err(NotCanonical)),
        ("http://app.example.com/a", Err(Url)),
        ("ftp://app.example.com/a", Err(Url)),
        ("app.example.com/a", Err(Url)),
        ("javascript:alert(1)", Err(Url)),
        ("", Err(Url)),
    ];
    for (text, expected) in cases {
        assert_eq!(
            ClientId::parse(text).map(|id| assert_eq!(id.as_str(), text)),
            expected,
            "{text}"
        );
    }
    let long = format!("https://app.example.com/{}", "a".repeat(10_000));
    assert_eq!(ClientId::parse(&long).map(drop), Err(TooLong));
    assert_eq!(code(ClientId::parse("nonsense")), "invalid_client");
}

#[test]
fn a_private_network_allows_its_own_places() {
    for text in
        ["http://localhost:8080/client.json", "https://app.test/client.json", "http://10.0.0.7/c"]
    {
        let id = ClientId::parse_on(text, Network::Private).unwrap();
        assert_eq!(id.as_str(), text);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ClientId>(&json).unwrap(), id);
    }
    let plain = ClientId::parse_on("http://localhost", Network::Private).unwrap();
    assert!(matches!(plain, ClientId::Loopback(_)));
}

#[test]
fn loopback_ids_carry_scopes_and_redirect_uris() {
    use ClientIdError::*;
    let cases = [
        ("http://localhost", Ok(())),
        ("http://localhost/", Ok(())),
        ("http://localhost?", Ok(())),
        ("http://localhost/?scope=atproto+repo:*", Ok(())),
        (
            "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fa&redirect_uri=http://[::1]/",
            Ok(()),
        ),
        ("http://localhost/path", Err(LoopbackForm)),
        ("http://localhost//", Err(LoopbackForm)),
        ("http://localhost:8080", Err(LoopbackForm)),
        ("http://localhost.example.com/a", Err(LoopbackForm)),
        ("http://localhost#a", Err(LoopbackForm)),
        ("http://localhost?scope=atproto#a", Err(LoopbackForm)),
        ("http://localhost?scope=atproto&scope=atproto", Err(LoopbackParameter)),
        ("http://localhost?client_name=x", Err(LoopbackParameter)),
        (
            "http://localhost?redirect_uri=http://localhost/a",
            Err(LoopbackRedirect(RedirectUriError::Localhost)),
        ),
        (
            "http://localhost?redirect_uri=https://app.example.com/a",
            Err(LoopbackRedirect(RedirectUriError::NotLoopback)),
        ),
        ("http://127.0.0.1", Err(Url)),
        ("https://localhost", Err(Host)),
    ];
    for (text, expected) in cases {
        assert_eq!(ClientId::parse(text).map(drop), expected, "{text}");
    }
}

#[test]
fn redirect_uris_lead_to_pages_programs_or_apps() {
    use RedirectKind::{App, Loopback, Web};
    use RedirectUriError::*;
    let cases = [
        ("https://app.example.com/callback", Ok(Web)),
        ("https://app.example.com", Ok(Web)),
        ("https://app.example.com:8443/callback?a=b", Ok(Web)),
        ("http://127.0.0.1/", Ok(Loopback)),
        ("http://127.0.0.1:8080/a?b=c", Ok(Loopback)),
        ("http://[::1]:8080/a", Ok(Loopback)),
        ("com.example.app:/callback", Ok(App)),
        ("com.example.app:/", Ok(App)),
        ("com.example.app://callback", Err(PrivateUseForm)),
        ("com.example.app:///callback", Err(PrivateUseForm)),
        ("com.example.app:callback", Err(PrivateUseForm)),
        ("myapp:/callback", Err(Scheme)),
        ("javascript:alert(1)", Err(Scheme)),
        ("data:text/html,x", Err(Scheme)),
        ("http://localhost:8080/a", Err(Localhost)),
        ("https://localhost/a", Err(Localhost)),
        ("https://127.0.0.1/a", Err(LoopbackHttps)),
        ("http://127.1/a", Err(Url)),
        ("http://app.example.com/a", Err(PlainHttp)),
        ("http://127.0.0.1.example.com/a", Err(PlainHttp)),
        ("https://intranet/a", Err(LocalHost)),
        ("https://app.local/a", Err(LocalHost)),
        ("https://user:pass@app.example.com/a", Err(Credentials)),
        ("http://x@127.0.0.1/", Err(Credentials)),
        ("https://app.example.com/a#b", Err(Fragment)),
        ("https://app.example.com/a/../b", Err(Url)),
        ("https://app.example.com:443/a", Err(Url)),
        ("https://app.example.com/a\n", Err(Url)),
        ("https://app.example.com\\@evil.example.org/a", Err(Url)),
        ("/callback", Err(Url)),
    ];
    for (text, expected) in cases {
        assert_eq!(RedirectUri::parse(text).map(|uri| uri.kind()), expected, "{text}");
    }
    let long = format!("https://app.example.com/{}", "a".repeat(2048));
    assert_eq!(RedirectUri::parse(&long).map(drop), Err(TooLong));
}

#[test]
fn a_loopback_client_is_asked_for_its_path_but_not_its_port() {
    let client = loopback("http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcb");
    let cases = [
        ("http://127.0.0.1/cb", true),
        ("http://127.0.0.1:51234/cb", true),
        ("http://127.0.0.1:51234/other", false),
        ("http://127.0.0.1:51234/cb?a=b", false),
        ("http://[::1]:51234/cb", false),
        ("https://127.0.0.1/cb", false),
        ("http://localhost/cb", false),
        ("http://127.0.0.2/cb", false),
        ("http://x@127.0.0.1/cb", false),
    ];
    for (requested, allowed) in cases {
        assert_eq!(client.redirect_uri(requested).is_some(), allowed, "{requested}");
    }
    let default = loopback("http://localhost");
    assert!(default.redirect_uri("http://127.0.0.1:4000/").is_some());
    assert!(default.redirect_uri("http://[::1]:4000/").is_some());
    assert!(default.redirect_uri("http://127.0.0.1:4000/callback").is_none());
    assert_eq!(default.scopes().to_string(), "atproto");
    assert!(default.may_refresh() && !default.is_confidential());
    assert_eq!(default.display_host(), None);
}

#[test]
fn a_loopback_client_asks_for_atproto_once() {
    for (scope, allowed) in [
        ("atproto", true),
        ("atproto+repo:*", true),
        ("repo:*", false),
        ("atproto+atproto", false),
        ("", false),
    ] {
        let ClientId::Loopback(id) =
            ClientId::parse(&format!("http://localhost?scope={scope}")).unwrap()
        else {
            panic!("a loopback id was written");
        };
        assert_eq!(ClientMetadata::loopback(&id).is_ok(), allowed, "{scope}");
    }
}
