//! What hosts and name servers say of handles, did:web and lexicons: which is asked first, and whose word counts.

use crate::support;

use std::net::SocketAddr;
use std::sync::Arc;

use cairn_identity::{
    GuardPolicy, GuardedClient, NetworkResolver, NetworkResolverConfig, PlcClient, ResolveError,
    Resolver, SystemClock, TxtLookup,
};
use cairn_model::{Did, Handle, Nsid};
use support::{Answer, TlsHosts, dns_server, ok};

const WELL_KNOWN: &str = "GET /.well-known/atproto-did ";

fn resolver(
    policy: GuardPolicy,
    dns: Option<SocketAddr>,
    backup_dns: Option<SocketAddr>,
) -> NetworkResolver {
    let lookup = |server: SocketAddr| TxtLookup::with_servers(&[server]).unwrap();
    let http = GuardedClient::new(policy).unwrap();
    NetworkResolver::new(NetworkResolverConfig {
        plc: PlcClient::new(&"http://127.0.0.1:9".parse().unwrap(), http.clone()).unwrap(),
        http,
        clock: Arc::new(SystemClock),
        dns: dns.map(lookup),
        backup_dns: backup_dns.map(lookup),
        local_handles: None,
        local_documents: None,
    })
}

/// Hosts that each name a DID for the handle that they are.
async fn hosts() -> TlsHosts {
    TlsHosts::start(&["alice.example.com", "bob.example.com", "odd.example.com"], |head| {
        if !head.starts_with(WELL_KNOWN) {
            return Answer("404 Not Found", String::new(), Vec::new());
        }
        match head.lines().find_map(|line| line.strip_prefix("host: ")) {
            Some("alice.example.com") => ok("did:web:https.example.com\n"),
            Some("odd.example.com") => ok("<html>"),
            _ => Answer("404 Not Found", String::new(), Vec::new()),
        }
    })
    .await
}

async fn handle(resolver: &NetworkResolver, handle: &str) -> Result<String, ResolveError> {
    resolver.handle(&Handle::parse(handle).unwrap()).await.map(|did| did.to_string())
}

async fn authority(resolver: &NetworkResolver, nsid: &str) -> Result<String, ResolveError> {
    resolver.lexicon_authority(&Nsid::parse(nsid).unwrap()).await.map(|did| did.to_string())
}

#[tokio::test]
async fn a_host_names_the_did_of_its_handle() {
    let hosts = hosts().await;
    let resolver = resolver(hosts.policy(), None, None);
    assert_eq!(handle(&resolver, "alice.example.com").await.unwrap(), "did:web:https.example.com");
    let none = handle(&resolver, "bob.example.com").await.unwrap_err();
    assert!(matches!(none, ResolveError::NotFound), "{none:?}");
    let odd = handle(&resolver, "odd.example.com").await.unwrap_err();
    assert!(matches!(odd, ResolveError::NotADid), "{odd:?}");
}

#[tokio::test]
async fn dns_comes_before_https() {
    let hosts = hosts().await;
    let dns = dns_server(|name| match name {
        "_atproto.alice.example.com" => vec!["did=did:web:dns.example.com"],
        "_atproto.odd.example.com" => vec!["did=did:web:a.com", "did=did:web:b.com"],
        _ => vec![],
    })
    .await;
    let resolver = resolver(hosts.policy(), Some(dns), None);
    assert_eq!(handle(&resolver, "alice.example.com").await.unwrap(), "did:web:dns.example.com");
    // Records that contradict each other are an answer, which no host corrects.
    let odd = handle(&resolver, "odd.example.com").await.unwrap_err();
    assert!(matches!(odd, ResolveError::Dns(_)), "{odd:?}");
    assert_eq!(hosts.server.hits(), 0);
    handle(&resolver, "bob.example.com").await.unwrap_err();
    assert_eq!(hosts.server.hits(), 1);
}

#[tokio::test]
async fn a_name_server_that_is_down_leaves_it_to_https() {
    let hosts = hosts().await;
    // Nothing listens on the discard port of loopback.
    let dead = SocketAddr::from(([127, 0, 0, 1], 9));
    let resolver = resolver(hosts.policy(), Some(dead), None);
    assert_eq!(handle(&resolver, "alice.example.com").await.unwrap(), "did:web:https.example.com");
}

#[tokio::test]
async fn backup_name_servers_are_asked_last() {
    let hosts = hosts().await;
    let backup = dns_server(|name| match name {
        "_atproto.alice.example.com" | "_atproto.bob.example.com" => {
            vec!["did=did:web:backup.example.com"]
        }
        _ => vec![],
    })
    .await;
    let dns = dns_server(|_| vec![]).await;
    let resolver = resolver(hosts.policy(), Some(dns), Some(backup));
    assert_eq!(handle(&resolver, "alice.example.com").await.unwrap(), "did:web:https.example.com");
    assert_eq!(handle(&resolver, "bob.example.com").await.unwrap(), "did:web:backup.example.com");
}

#[tokio::test]
async fn a_certificate_of_nobody_that_is_trusted_is_no_answer() {
    let hosts = hosts().await;
    let policy = GuardPolicy { roots_pem: Vec::new(), ..hosts.policy() };
    let refused = handle(&resolver(policy, None, None), "alice.example.com").await.unwrap_err();
    assert!(matches!(refused, ResolveError::Fetch(_)), "{refused:?}");
    // Nor is a good certificate for other names.
    let mut policy = hosts.policy();
    policy.hosts.insert("eve.example.com".to_owned(), hosts.server.addr);
    let refused = handle(&resolver(policy, None, None), "eve.example.com").await.unwrap_err();
    assert!(matches!(refused, ResolveError::Fetch(_)), "{refused:?}");
    assert_eq!(hosts.server.hits(), 0);
}

#[tokio::test]
async fn a_given_address_is_guarded_like_any_other() {
    let hosts = hosts().await;
    let policy = GuardPolicy { allow_private: false, ..hosts.policy() };
    let refused = handle(&resolver(policy, None, None), "alice.example.com").await.unwrap_err();
    let ResolveError::Fetch(cause) = refused else { panic!("{refused:?}") };
    assert!(matches!(*cause, cairn_identity::FetchError::PrivateAddress), "{cause:?}");
}

#[tokio::test]
async fn did_web_stands_on_its_host() {
    let hosts = TlsHosts::start(&["pds.example.com", "liar.example.com"], |head| {
        assert!(head.starts_with("GET /.well-known/did.json "), "{head}");
        ok(r#"{"id":"did:web:pds.example.com","alsoKnownAs":["at://pds.example.com"]}"#)
    })
    .await;
    let resolver = resolver(hosts.policy(), None, None);
    let did = Did::parse("did:web:pds.example.com").unwrap();
    let document = resolver.did(&did, false).await.unwrap();
    assert_eq!((&document.id, document.handle().unwrap().as_str()), (&did, "pds.example.com"));
    let liar = Did::parse("did:web:liar.example.com").unwrap();
    let error = resolver.did(&liar, false).await.unwrap_err();
    assert!(matches!(error, ResolveError::Document(_)), "{error:?}");
}

#[tokio::test]
async fn lexicons_are_those_of_the_very_domain() {
    let dns = dns_server(|name| match name {
        "_lexicon.example.com" => vec!["did=did:web:parent.com"],
        "_lexicon.app.example.com" => vec!["v=1", "did=did:web:app.com"],
        "_lexicon.twice.example.com" => vec!["did=did:web:a.com", "did=did:web:b.com"],
        "_lexicon.foo.test" => vec!["did=did:web:leak.com"],
        _ => vec![],
    })
    .await;
    let resolver = resolver(GuardPolicy::default(), Some(dns), None);
    assert_eq!(authority(&resolver, "com.example.app.post").await.unwrap(), "did:web:app.com");
    assert_eq!(authority(&resolver, "com.Example.thing").await.unwrap(), "did:web:parent.com");
    let long = format!(
        "com.{}.thing",
        ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join(".")
    );
    for nobody in ["com.example.other.post", "com.example.app.deep.post", "test.foo.post", &long] {
        let error = authority(&resolver, nobody).await.unwrap_err();
        assert!(matches!(error, ResolveError::NotFound), "{nobody}: {error:?}");
    }
    let twice = authority(&resolver, "com.example.twice.post").await.unwrap_err();
    assert!(matches!(twice, ResolveError::Dns(_)), "{twice:?}");
}

#[tokio::test]
async fn a_dead_name_server_is_an_outage_unless_a_backup_knows() {
    let dead = SocketAddr::from(([127, 0, 0, 1], 9));
    let alone = resolver(GuardPolicy::default(), Some(dead), None);
    let error = authority(&alone, "com.example.app.post").await.unwrap_err();
    assert!(error.is_upstream(), "{error:?}");
    let backup = dns_server(|name| match name {
        "_lexicon.app.example.com" => vec!["did=did:web:app.com"],
        _ => vec![],
    })
    .await;
    let resolver = resolver(GuardPolicy::default(), Some(dead), Some(backup));
    assert_eq!(authority(&resolver, "com.example.app.post").await.unwrap(), "did:web:app.com");
}
