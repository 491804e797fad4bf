//! The resolver that asks the network: a did:plc directory, did:web hosts, DNS and well-known documents.
//!
//! Documents are served from a cache for an hour, served and renewed in the background for a day, and not served
//! beyond. One look-up runs per DID at a time, whoever asks; forced refreshes always look by themselves, because the
//! caller knows of a change that a running look-up may have missed.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cairn_model::{Did, Handle, Nsid};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use url::Url;

use crate::cache::{Cached, Lifetimes, TtlCache};
use crate::clock::Clock;
use crate::did_document::DidDocument;
use crate::did_web;
use crate::dns::TxtLookup;
use crate::fetch::{FetchRequest, GuardedClient};
use crate::flights::{Flight, Flights};
use crate::plc_client::PlcClient;
use crate::resolver::{HandleSources, ResolveError, Resolver};

const DOCUMENTS: Lifetimes = Lifetimes {
    stale: Duration::from_secs(3600),
    max: Duration::from_secs(24 * 3600),
    negative: Duration::from_secs(10),
};
/// Handles move more often than keys do, and nothing but a new look-up tells.
const HANDLES: Lifetimes = Lifetimes {
    stale: Duration::from_secs(5 * 60),
    max: Duration::from_secs(3600),
    negative: Duration::from_secs(5),
};
/// About 2 KiB each.
const CACHED_DOCUMENTS: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");
const CACHED_HANDLES: NonZeroUsize = NonZeroUsize::new(50_000).expect("not zero");
/// The largest documents in use have a few KiB.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// A DID has 2,048 characters at most.
const MAX_WELL_KNOWN_BYTES: usize = 4 * 1024;
/// Each look-up gets as long as the reference implementation gives it.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);
/// Look-ups of one kind beyond this wait: a flood of unknown names must not open thousands of connections.
const MAX_LOOKUPS: usize = 64;
/// For this long; then the server has too much to do.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// Answers for the handles that this server itself hosts; `None` sends the question to the network.
pub type LocalHandles = Arc<dyn Fn(Handle) -> BoxFuture<'static, Option<Did>> + Send + Sync>;

/// Answers for the did:webs that this server itself hosts; `None` sends the question to the network.
pub type LocalDocuments = Arc<dyn Fn(Did) -> BoxFuture<'static, Option<DidDocument>> + Send + Sync>;

/// What a [`NetworkResolver`] works with.
pub struct NetworkResolverConfig {
    /// The did:plc directory.
    pub plc: PlcClient,
    /// The way out. Where its policy allows private addresses, so is `did:web:localhost`.
    pub http: GuardedClient,
    /// The clock of the caches.
    pub clock: Arc<dyn Clock>,
    /// DNS for handles; `None` resolves handles by HTTPS only.
    pub dns: Option<TxtLookup>,
    /// Name servers to ask when neither DNS nor HTTPS knew the handle.
    pub backup_dns: Option<TxtLookup>,
    /// The server's own handles.
    pub local_handles: Option<LocalHandles>,
    /// The server's own did:web identities. They are not cached.
    pub local_documents: Option<LocalDocuments>,
}

/// The resolver. Cheap to clone; clones share caches.
#[derive(Clone)]
pub struct NetworkResolver(Arc<Network>);

type DocumentResult = Result<Arc<DidDocument>, ResolveError>;
type HandleResult = Result<Did, ResolveError>;

struct Network {
    config: NetworkResolverConfig,
    documents: TtlCache<Did, Arc<DidDocument>, ResolveError>,
    handles: TtlCache<Handle, Did, ResolveError>,
    document_flights: Flights<Did, DocumentResult>,
    handle_flights: Flights<Handle, HandleResult>,
    turns: Turns,
}

/// Who asks names that others choose can make one kind of look-up slow, and must not hold up the others: what a did:plc
/// directory answers, hosts of did:webs and handles that anybody runs, and handles that an account of this server waits
/// for.
struct Turns {
    directory: Semaphore,
    did_webs: Semaphore,
    handles: Semaphore,
    fresh_handles: Semaphore,
    lexicon_authorities: Semaphore,
}

impl Turns {
    fn new() -> Self {
        let turns = || Semaphore::new(MAX_LOOKUPS);
        Self {
            directory: turns(),
            did_webs: turns(),
            handles: turns(),
            fresh_handles: turns(),
            lexicon_authorities: turns(),
        }
    }

    fn of(&self, did: &Did) -> &Semaphore {
        if did.method() == "plc" { &self.directory } else { &self.did_webs }
    }
}

async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, ResolveError> {
    match timeout(TURN_PATIENCE, turns.acquire()).await {
        Ok(turn) => turn.map_err(|_| ResolveError::ShutDown),
        Err(_) => Err(ResolveError::Busy),
    }
}

impl NetworkResolver {
    /// A resolver with empty caches.
    #[must_use]
    pub fn new(config: NetworkResolverConfig) -> Self {
        Self(Arc::new(Network {
            config,
            documents: TtlCache::new(CACHED_DOCUMENTS, DOCUMENTS),
            handles: TtlCache::new(CACHED_HANDLES, HANDLES),
            document_flights: Flights::default(),
            handle_flights: Flights::default(),
            turns: Turns::new(),
        }))
    }

    fn document_flight(&self, did: &Did) -> Flight<DocumentResult> {
        let (network, own) = (Arc::clone(&self.0), did.clone());
        self.0.document_flights.join(did, async move { network.refresh_document(&own).await })
    }

    fn handle_flight(&self, handle: &Handle) -> Flight<HandleResult> {
        let (network, own) = (Arc::clone(&self.0), handle.clone());
        self.0
            .handle_flights
            .join(handle, async move { network.refresh_handle(&own, &network.turns.handles).await })
    }
}

impl Resolver for NetworkResolver {
    fn did<'a>(&'a self, did: &'a Did, refresh: bool) -> BoxFuture<'a, DocumentResult> {
        async move {
            if let Some(document) = self.0.local_document(did).await {
                return Ok(Arc::new(document));
            }
            if refresh {
                return self.0.refresh_document(did).await;
            }
            match self.0.documents.get(did, self.0.config.clock.now()) {
                Some(Cached::Fresh(result)) => result,
                Some(Cached::Stale(document)) => {
                    // The flight runs by itself; nobody waits for it.
                    drop(self.document_flight(did));
                    Ok(document)
                }
                None => landed(self.document_flight(did)).await,
            }
        }
        .boxed()
    }

    fn handle<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, HandleResult> {
        async move {
            if let Some(did) = self.0.local(handle).await {
                return Ok(did);
            }
            match self.0.handles.get(handle, self.0.config.clock.now()) {
                Some(Cached::Fresh(result)) => result,
                Some(Cached::Stale(did)) => {
                    drop(self.handle_flight(handle));
                    Ok(did)
                }
                None => landed(self.handle_flight(handle)).await,
            }
        }
        .boxed()
    }

    fn handle_fresh<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, HandleResult> {
        async move {
            if let Some(did) = self.0.local(handle).await {
                return Ok(did);
            }
            self.0.refresh_handle(handle, &self.0.turns.fresh_handles).await
        }
        .boxed()
    }

    fn handle_sources<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, HandleSources> {
        async move {
            let _turn = match turn(&self.0.turns.fresh_handles).await {
                Ok(turn) => turn,
                Err(error) => {
                    return HandleSources { dns: Err(error.clone()), well_known: Err(error) };
                }
            };
            let (dns, well_known) =
                tokio::join!(self.0.lookup_record(handle), self.0.lookup_well_known(handle));
            let well_known = match well_known {
                Ok(did) => Ok(Some(did)),
                Err(ResolveError::NotFound) => Ok(None),
                Err(error) => Err(error),
            };
            HandleSources { dns, well_known }
        }
        .boxed()
    }

    fn lexicon_authority<'a>(&'a self, nsid: &'a Nsid) -> BoxFuture<'a, HandleResult> {
        async move {
            let _turn = turn(&self.0.turns.lexicon_authorities).await?;
            self.0.lookup_lexicon_authority(nsid).await
        }
        .boxed()
    }
}

async fn landed<T: Clone>(flight: Flight<Result<T, ResolveError>>) -> Result<T, ResolveError> {
    flight.await.unwrap_or(Err(ResolveError::ShutDown))
}

impl Network {
    async fn refresh_document(&self, did: &Did) -> DocumentResult {
        let result = {
            let _turn = turn(self.turns.of(did)).await?;
            self.lookup_document(did).await.map(Arc::new)
        };
        let now = self.config.clock.now();
        // A failing network must not take away the document that is still good.
        let is_outage = result.as_ref().is_err_and(ResolveError::is_upstream);
        if !(is_outage && self.documents.get(did, now).is_some()) {
            self.documents.put(did.clone(), result.clone(), now);
        }
        result
    }

    async fn refresh_handle(&self, handle: &Handle, turns: &Semaphore) -> HandleResult {
        let result = {
            let _turn = turn(turns).await?;
            self.lookup_handle(handle).await
        };
        let now = self.config.clock.now();
        let is_outage = result.as_ref().is_err_and(ResolveError::is_upstream);
        if !(is_outage && self.handles.get(handle, now).is_some()) {
            self.handles.put(handle.clone(), result.clone(), now);
        }
        result
    }

    async fn local(&self, handle: &Handle) -> Option<Did> {
        let local = self.config.local_handles.as_ref()?;
        local(handle.clone()).await
    }

    async fn local_document(&self, did: &Did) -> Option<DidDocument> {
        let local = self.config.local_documents.as_ref().filter(|_| did.method() == "web")?;
        local(did.clone()).await
    }

    async fn lookup_document(&self, did: &Did) -> Result<DidDocument, ResolveError> {
        if did.as_str().starts_with("did:plc:") {
            return Ok(self.config.plc.get_document(did).await?);
        }
        if !did.as_str().starts_with("did:web:") {
            return Err(ResolveError::UnsupportedMethod);
        }
        let url = did_web::document_url(did, self.config.http.policy().allow_private)?;
        let body = self.get(url, MAX_DOCUMENT_BYTES).await?;
        Ok(DidDocument::parse_for(did, &body)?)
    }

    /// DNS first; HTTPS when DNS has no record or cannot be asked; the backup name servers last.
    async fn lookup_handle(&self, handle: &Handle) -> Result<Did, ResolveError> {
        // Reserved for tests (RFC 6761): no name server knows these, and asking leaks.
        if handle.as_str().ends_with(".test") {
            return Err(ResolveError::NotFound);
        }
        match self.lookup_record(handle).await {
            Ok(Some(did)) => return Ok(did),
            Err(error) if !error.is_upstream() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        let by_https = self.lookup_well_known(handle).await;
        let (Err(error), Some(backup)) = (&by_https, &self.config.backup_dns) else {
            return by_https;
        };
        backup.did_of(handle).await?.ok_or_else(|| error.clone())
    }

    async fn lookup_record(&self, handle: &Handle) -> Result<Option<Did>, ResolveError> {
        match &self.config.dns {
            Some(dns) => dns.did_of(handle).await.map_err(ResolveError::from),
            None => Ok(None),
        }
    }

    /// DNS; the backup name servers when it has no record or cannot be asked.
    async fn lookup_lexicon_authority(&self, nsid: &Nsid) -> HandleResult {
        let domain = nsid.authority_domain();
        // As for handles: these names are nobody's.
        if domain.ends_with(".test") {
            return Err(ResolveError::NotFound);
        }
        let mut outcome = Err(ResolveError::NotFound);
        for dns in [&self.config.dns, &self.config.backup_dns].into_iter().flatten() {
            match dns.lexicon_authority(&domain).await.map_err(ResolveError::from) {
                Ok(Some(did)) => return Ok(did),
                Ok(None) => {}
                Err(error) if error.is_upstream() => outcome = Err(error),
                Err(error) => return Err(error),
            }
        }
        outcome
    }

    async fn lookup_well_known(&self, handle: &Handle) -> Result<Did, ResolveError> {
        let url = Url::parse(&format!("https://{handle}/.well-known/atproto-did"));
        let url = url.map_err(|_| ResolveError::NotFound)?;
        let body = self.get(url, MAX_WELL_KNOWN_BYTES).await?;
        let text = std::str::from_utf8(&body).map_err(|_| ResolveError::NotADid)?;
        Did::parse(text.trim()).map_err(|_| ResolveError::NotADid)
    }

    async fn get(&self, url: Url, max_bytes: usize) -> Result<bytes::Bytes, ResolveError> {
        let request = FetchRequest::get(url).timeout(LOOKUP_TIMEOUT).max_bytes(max_bytes);
        let response = self.config.http.fetch(request).await?;
        match response.status.as_u16() {
            200..=299 => Ok(response.body),
            404 | 410 => Err(ResolveError::NotFound),
            status => Err(ResolveError::Status { status }),
        }
    }
}
