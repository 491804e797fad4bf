//! The network resolver against scripted HTTP and DNS servers on loopback.

use crate::support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cairn_identity::{
    DidDocument, GuardPolicy, GuardedClient, NetworkResolver, NetworkResolverConfig, PlcClient,
    ResolveError, Resolver, TestClock, TxtLookup,
};
use cairn_model::{Did, Handle};
use futures_util::FutureExt;
use jiff::Timestamp;
use support::{Answer, HttpServer, dns_server, ok};

const DID: &str = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

struct World {
    resolver: NetworkResolver,
    clock: Arc<TestClock>,
    directory: HttpServer,
    alias: Arc<Mutex<String>>,
    down: Arc<AtomicBool>,
}

impl World {
    async fn new(dns: Option<TxtLookup>) -> Self {
        let alias = Arc::new(Mutex::new("at://a.test".to_owned()));
        let down = Arc::new(AtomicBool::new(false));
        let (current, is_down) = (Arc::clone(&alias), Arc::clone(&down));
        let directory = HttpServer::start(move |head| {
            if is_down.load(Ordering::SeqCst) {
                return Answer("500 Internal Server Error", String::new(), Vec::new());
            }
            let alias = current.lock().unwrap().clone();
            if head.starts_with(&format!("GET /{DID} ")) {
                return ok(format!(r#"{{"id":"{DID}","alsoKnownAs":["{alias}"]}}"#));
            }
            let body = br#"{"message":"DID not registered"}"#.to_vec();
            Answer("404 Not Found", String::new(), body)
        })
        .await;
        let policy = GuardPolicy { allow_private: true, ..GuardPolicy::default() };
        let http = GuardedClient::new(policy).unwrap();
        let clock = Arc::new(TestClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let local = Did::parse("did:web:local.test").unwrap();
        let resolver = NetworkResolver::new(NetworkResolverConfig {
            plc: PlcClient::new(&directory.url("/"), http.clone()).unwrap(),
            http,
            clock: Arc::clone(&clock) as _,
            dns,
            backup_dns: None,
            local_handles: Some(Arc::new(move |handle: Handle| {
                let found = (handle.as_str() == "local.test").then(|| local.clone());
                futures_util::future::ready(found).boxed()
            })),
            local_documents: Some(Arc::new(|did: Did| {
                let found = (did.as_str() == "did:web:local.test")
                    .then(|| DidDocument::parse(br#"{"id":"did:web:local.test"}"#).unwrap());
                futures_util::future::ready(found).boxed()
            })),
        });
        Self { resolver, clock, directory, alias, down }
    }

    async fn alias(&self, refresh: bool) -> String {
        let document = self.resolver.did(&Did::parse(DID).unwrap(), refresh).await.unwrap();
        document.also_known_as.concat()
    }

    fn publish(&self, alias: &str) {
        alias.clone_into(&mut self.alias.lock().unwrap());
    }
}

#[tokio::test]
async fn documents_are_cached_and_refreshed_on_demand() {
    let world = World::new(None).await;
    assert_eq!(world.alias(false).await, "at://a.test");
    world.publish("at://b.test");
    assert_eq!(world.alias(false).await, "at://a.test");
    assert_eq!(world.directory.hits(), 1);
    assert_eq!(world.alias(true).await, "at://b.test");
    assert_eq!(world.alias(false).await, "at://b.test");
    assert_eq!(world.directory.hits(), 2);
}

#[tokio::test]
async fn stale_documents_are_served_and_renewed() {
    let world = World::new(None).await;
    world.alias(false).await;
    world.publish("at://b.test");
    world.clock.advance(Duration::from_secs(3601));
    assert_eq!(world.alias(false).await, "at://a.test");
    while world.alias(false).await == "at://a.test" {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.directory.hits(), 2);
    world.publish("at://c.test");
    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    assert_eq!(world.alias(false).await, "at://c.test");
}

#[tokio::test]
async fn an_outage_does_not_take_a_good_document_away() {
    let world = World::new(None).await;
    world.alias(false).await;
    world.down.store(true, Ordering::SeqCst);
    let did = Did::parse(DID).unwrap();
    let error = world.resolver.did(&did, true).await.unwrap_err();
    assert!(error.is_upstream(), "{error:?}");
    assert_eq!(world.alias(false).await, "at://a.test");
}

#[tokio::test]
async fn one_lookup_serves_everybody_who_waits() {
    let world = World::new(None).await;
    let all = futures_util::future::join_all((0..50).map(|_| world.alias(false))).await;
    assert!(all.iter().all(|alias| alias == "at://a.test"));
    assert_eq!(world.directory.hits(), 1);
}

#[tokio::test]
async fn missing_dids_are_remembered_shortly() {
    let world = World::new(None).await;
    let did = Did::parse("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    for _ in 0..3 {
        let error = world.resolver.did(&did, false).await.unwrap_err();
        assert!(matches!(error, ResolveError::NotFound), "{error:?}");
    }
    assert_eq!(world.directory.hits(), 1);
    world.clock.advance(Duration::from_secs(11));
    world.resolver.did(&did, false).await.unwrap_err();
    assert_eq!(world.directory.hits(), 2);
    let did = Did::parse("did:example:abc").unwrap();
    let error = world.resolver.did(&did, false).await.unwrap_err();
    assert!(matches!(error, ResolveError::UnsupportedMethod));
}

#[tokio::test]
async fn did_web_on_localhost_works_in_development() {
    let world = World::new(None).await;
    let host = HttpServer::start(|head| {
        let host = head.lines().find_map(|line| line.strip_prefix("host: localhost:")).unwrap();
        ok(format!(r#"{{"id":"did:web:localhost%3A{host}"}}"#))
    })
    .await;
    let did = Did::parse(&format!("did:web:localhost%3A{}", host.addr.port())).unwrap();
    assert_eq!(world.resolver.did(&did, false).await.unwrap().id, did);
}

#[tokio::test]
async fn handles_resolve_by_dns() {
    let dns = dns_server(|name| match name {
        "_atproto.alice.example.com" => vec!["v=spf1", "did=did:web:alice.example.com"],
        "_atproto.twice.example.com" => vec!["did=did:web:a.com", "did=did:web:b.com"],
        "_atproto.bad.example.com" => vec!["did=nothing"],
        _ => vec![],
    })
    .await;
    let world = World::new(Some(TxtLookup::with_servers(&[dns]).unwrap())).await;
    let resolve = async |handle: &str| {
        world.resolver.handle(&Handle::parse(handle).unwrap()).await.map(|did| did.to_string())
    };
    assert_eq!(resolve("alice.example.com").await.unwrap(), "did:web:alice.example.com");
    assert!(matches!(resolve("twice.example.com").await, Err(ResolveError::Dns(_))));
    assert!(matches!(resolve("bad.example.com").await, Err(ResolveError::Dns(_))));
    assert_eq!(resolve("local.test").await.unwrap(), "did:web:local.test");
    assert!(matches!(resolve("other.test").await, Err(ResolveError::NotFound)));
}

#[tokio::test]
async fn a_handle_that_was_just_set_up_is_found_by_asking_anew() {
    let set = Arc::new(AtomicBool::new(false));
    let is_set = Arc::clone(&set);
    let dns = dns_server(move |_| {
        if is_set.load(Ordering::SeqCst) {
            vec!["did=did:web:new.com"]
        } else {
            vec!["did=did:web:old.com"]
        }
    })
    .await;
    let world = World::new(Some(TxtLookup::with_servers(&[dns]).unwrap())).await;
    let handle = Handle::parse("alice.example.com").unwrap();
    assert_eq!(world.resolver.handle(&handle).await.unwrap().as_str(), "did:web:old.com");
    set.store(true, Ordering::SeqCst);
    assert_eq!(world.resolver.handle(&handle).await.unwrap().as_str(), "did:web:old.com");
    assert_eq!(world.resolver.handle_fresh(&handle).await.unwrap().as_str(), "did:web:new.com");
    assert_eq!(world.resolver.handle(&handle).await.unwrap().as_str(), "did:web:new.com");
}

#[tokio::test]
async fn documents_of_ones_own_are_not_asked_for_elsewhere() {
    let world = World::new(None).await;
    let local = Did::parse("did:web:local.test").unwrap();
    for refresh in [false, true] {
        assert_eq!(world.resolver.did(&local, refresh).await.unwrap().id, local);
    }
    let other = Did::parse("did:web:other.test").unwrap();
    assert!(world.resolver.did(&other, false).await.is_err());
    assert_eq!(world.directory.hits(), 0);
}

#[tokio::test]
async fn hosts_that_never_answer_hold_up_nobody_but_their_own_kind() {
    let world = World::new(None).await;
    // They take connections and say nothing.
    let mut silent = Vec::new();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..70 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let did = format!("did:web:localhost%3A{}", listener.local_addr().unwrap().port());
        silent.push(listener);
        let resolver = world.resolver.clone();
        waiting.spawn(async move { resolver.did(&Did::parse(&did).unwrap(), false).await.is_ok() });
    }
    tokio::task::yield_now().await;
    let document = tokio::time::timeout(Duration::from_secs(2), world.alias(false));
    assert_eq!(document.await.expect("the directory is asked at once"), "at://a.test");
    assert!(waiting.try_join_next().is_none(), "the others still wait");
}
