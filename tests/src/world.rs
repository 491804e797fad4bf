//! The network that servers under test live in.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cairn_identity::{
    Clock, DidDocument, GuardPolicy, GuardedClient, HandleSources, LocalDocuments, LocalHandles,
    NetworkResolver, NetworkResolverConfig, PlcClient, PublicKey, ResolveError, Resolver,
    TestClock,
};
use cairn_model::{Did, Handle, Nsid};
use cairn_plc::{Directory, Location};
use cairn_server::ServerConfig;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::directory::{self, Fault, Served};
use crate::{DirectoryFault, TestPds};

/// A did:plc directory, a clock, and handles.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Arc<TestClock>,
    plc: PlcClient,
    http: GuardedClient,
    handles: Mutex<HashMap<Handle, Did>>,
    files: Mutex<HashMap<Handle, Did>>,
    lexicon_authorities: Mutex<HashMap<String, Did>>,
    silent_authorities: Mutex<HashSet<String>>,
    authority_lookups: AtomicUsize,
    directory: Mutex<Option<Served>>,
    fault: Fault,
    domains: Mutex<Vec<(String, u16)>>,
}

impl World {
    /// An empty network. It ends with the test's runtime.
    pub async fn start() -> Self {
        let clock = Arc::new(TestClock::new(Timestamp::now()));
        let directory =
            Directory::open(&Location::Memory, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let fault = Fault::default();
        let served = directory::serve(listener, directory, Arc::clone(&fault));
        let http =
            GuardedClient::new(GuardPolicy { allow_private: true, ..GuardPolicy::default() })
                .unwrap();
        let plc = PlcClient::new(&base, http.clone()).unwrap();
        Self(Arc::new(Inner {
            clock,
            plc,
            http,
            handles: Mutex::default(),
            files: Mutex::default(),
            lexicon_authorities: Mutex::default(),
            silent_authorities: Mutex::default(),
            authority_lookups: AtomicUsize::new(0),
            directory: Mutex::new(Some(served)),
            fault,
            domains: Mutex::default(),
        }))
    }

    /// Starts a server whose accounts have handles under `.test`.
    pub async fn pds(&self) -> TestPds {
        self.pds_with(|_| {}).await
    }

    /// Starts a server with other settings.
    pub async fn pds_with(&self, change: impl FnOnce(&mut ServerConfig)) -> TestPds {
        TestPds::start_in(self.clone(), change).await
    }

    pub fn clock(&self) -> &Arc<TestClock> {
        &self.0.clock
    }

    pub fn plc(&self) -> &PlcClient {
        &self.0.plc
    }

    pub fn http(&self) -> &GuardedClient {
        &self.0.http
    }

    /// Lets a handle resolve to a DID, as its owner's DNS would.
    pub fn set_handle(&self, handle: &str, did: &str) {
        self.0
            .handles
            .lock()
            .unwrap()
            .insert(Handle::parse(handle).unwrap(), Did::parse(did).unwrap());
    }

    /// Lets the web server of a handle's domain name a DID. Where there is a record as well, that counts.
    pub fn set_handle_file(&self, handle: &str, did: &str) {
        let (handle, did) = (Handle::parse(handle).unwrap(), Did::parse(did).unwrap());
        self.0.files.lock().unwrap().insert(handle, did);
    }

    /// Lets the lexicons of a domain be those of a DID, as the domain's `_lexicon` record would.
    pub fn set_lexicon_authority(&self, domain: &str, did: &Did) {
        self.0.lexicon_authorities.lock().unwrap().insert(domain.to_owned(), did.clone());
    }

    /// Lets nobody have an answer who asks for the domain's `_lexicon` record.
    pub fn silence_lexicon_authority(&self, domain: &str) {
        self.0.silent_authorities.lock().unwrap().insert(domain.to_owned());
    }

    /// Removes the domain's `_lexicon` record.
    pub fn remove_lexicon_authority(&self, domain: &str) {
        self.0.lexicon_authorities.lock().unwrap().remove(domain);
    }

    /// How often anybody asked for a `_lexicon` record.
    pub fn lexicon_authority_lookups(&self) -> usize {
        self.0.authority_lookups.load(Ordering::SeqCst)
    }

    /// Takes the did:plc directory off the network.
    pub async fn stop_directory(&self) {
        let directory = self.0.directory.lock().unwrap().take();
        if let Some(served) = directory {
            served.stop().await;
        }
    }

    /// Has the did:plc directory fail in this way, or work again.
    pub fn fault_directory(&self, fault: Option<DirectoryFault>) {
        *self.0.fault.lock().unwrap() = fault;
    }

    /// A resolver with a cache of its own, for whoever stands outside the servers.
    pub fn resolver(&self) -> WorldResolver {
        let world = self.clone();
        self.resolver_with(Arc::new(move |did| Box::pin(world.clone().asked_for(did))))
    }

    /// Lets the host names under a domain lead to a server, as a wildcard in DNS would.
    pub(crate) fn set_domain(&self, domain: &str, port: u16) {
        self.0.domains.lock().unwrap().push((domain.to_owned(), port));
    }

    /// The document of a did:web, from the server that its host name leads to.
    async fn asked_for(self, did: Did) -> Option<DidDocument> {
        let host = did.method_specific_id().to_owned();
        let port = {
            let domains = self.0.domains.lock().unwrap();
            domains.iter().rev().find(|(domain, _)| host.ends_with(domain.as_str()))?.1
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{port}/.well-known/did.json");
        let response = client.get(url).header("host", host).send().await.ok()?;
        DidDocument::parse_for(&did, &response.bytes().await.ok()?).ok()
    }

    /// A resolver with a cache of its own that finds some did:webs in its own way.
    pub(crate) fn resolver_with(&self, local_documents: LocalDocuments) -> WorldResolver {
        let handles = Arc::clone(&self.0);
        let local_handles: LocalHandles = Arc::new(move |handle| {
            let by_record = handles.handles.lock().unwrap().get(&handle).cloned();
            let did = by_record.or_else(|| handles.files.lock().unwrap().get(&handle).cloned());
            Box::pin(std::future::ready(did))
        });
        let network = NetworkResolver::new(NetworkResolverConfig {
            plc: self.0.plc.clone(),
            http: self.0.http.clone(),
            clock: Arc::clone(&self.0.clock) as Arc<dyn Clock>,
            dns: None,
            backup_dns: None,
            local_handles: Some(local_handles),
            local_documents: Some(local_documents),
        });
        WorldResolver { network, world: self.clone() }
    }

    /// The key that a DID's document names at the moment.
    pub async fn signing_key(&self, did: &Did) -> PublicKey {
        self.resolver().did(did, true).await.unwrap().signing_key().unwrap()
    }
}

/// The resolver of a server under test. Its DNS is the world's.
pub struct WorldResolver {
    network: NetworkResolver,
    world: World,
}

impl Resolver for WorldResolver {
    fn did<'a>(
        &'a self,
        did: &'a Did,
        refresh: bool,
    ) -> BoxFuture<'a, Result<Arc<DidDocument>, ResolveError>> {
        self.network.did(did, refresh)
    }

    fn handle<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Did, ResolveError>> {
        self.network.handle(handle)
    }

    fn handle_fresh<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Did, ResolveError>> {
        self.network.handle_fresh(handle)
    }

    fn handle_sources<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, HandleSources> {
        let dns = self.world.0.handles.lock().unwrap().get(handle).cloned();
        let well_known = self.world.0.files.lock().unwrap().get(handle).cloned();
        let sources = HandleSources { dns: Ok(dns), well_known: Ok(well_known) };
        Box::pin(std::future::ready(sources))
    }

    fn lexicon_authority<'a>(&'a self, nsid: &'a Nsid) -> BoxFuture<'a, Result<Did, ResolveError>> {
        self.world.0.authority_lookups.fetch_add(1, Ordering::SeqCst);
        let domain = nsid.authority_domain();
        if self.world.0.silent_authorities.lock().unwrap().contains(&domain) {
            return Box::pin(std::future::pending());
        }
        let found = self.world.0.lexicon_authorities.lock().unwrap().get(&domain).cloned();
        Box::pin(std::future::ready(found.ok_or(ResolveError::NotFound)))
    }
}
