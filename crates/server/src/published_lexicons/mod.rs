//! Lexicons that are published on the network: found by NSID, verified, and cached.
//!
//! <https://atproto.com/specs/lexicon#lexicon-publication-and-resolution>. A lexicon is a record in the repository of
//! whoever has the domain of its NSID. It is served from the cache as it is for five minutes (as long as the reference
//! implementation does), and up to a day while it is looked up again in the background. After that the look-up is waited
//! for; if it fails, what was found last still serves, so that no outage elsewhere changes what is valid here. The cache
//! outlives a restart. What is not found is remembered for a minute.
//!
//! Anybody can name NSIDs, in any number. So look-ups run a few at a time, each once, with a bounded queue, and whoever
//! lets an account cause them counts them. Strangers have a [`Lane`] of their own, so that they cannot fill the queue in
//! which the accounts' records wait.

mod error;
mod lexicon;
mod memory;
mod records;
mod source;

use std::sync::Arc;
use std::time::Duration;

use cairn_identity::{Clock, Flight, Flights, GuardedClient, Resolver};
use cairn_model::{Did, Nsid};
use cairn_store::{KeptLexicon, Store};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use error::PublishedLexiconError;
pub use lexicon::ResolvedLexicon;
pub(crate) use records::AtHand;

use memory::{Held, Memory, age};
use source::{Found, Source};

/// Up to this age a lexicon is served as it is.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// Up to this age it is served while it is looked up again.
const STALE: Duration = Duration::from_secs(24 * 3_600);
/// Look-ups for accounts at once.
const MAX_LOOKUPS: usize = 8;
/// Look-ups for accounts that run or wait; more are refused.
const MAX_WAITING: usize = 256;
/// Look-ups for strangers at once.
const MAX_STRANGE_LOOKUPS: usize = 4;
/// Look-ups for strangers that run or wait; more are refused.
const MAX_STRANGE_WAITING: usize = 64;
/// DNS, DID document and record, maybe twice.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(15);
/// A caller waits this long at most; the look-up goes on for the next one.
const WAIT: Duration = Duration::from_secs(10);

/// A lexicon, or why there is none.
pub type Resolution = Result<Arc<ResolvedLexicon>, PublishedLexiconError>;

/// The published lexicons of the network. Cheap to clone; clones share the cache.
#[derive(Clone)]
pub struct PublishedLexicons(Arc<Inner>);

/// Who makes the server look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// An account, or what it has agreed to.
    Account,
    /// Whoever sends a request.
    Stranger,
}

/// Look-ups that wait for each other, and for no others.
struct Lane {
    lookups: Flights<Nsid, Resolution>,
    permits: Semaphore,
    max_waiting: usize,
}

impl Lane {
    fn new(at_once: usize, max_waiting: usize) -> Self {
        Self { lookups: Flights::default(), permits: Semaphore::new(at_once), max_waiting }
    }
}

/// What look-ups are made with.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) http: GuardedClient,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whose all lexicons are, instead of what DNS says.
    pub(crate) authority: Option<Did>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

struct Inner {
    source: Source,
    store: Store,
    clock: Arc<dyn Clock>,
    memory: Memory,
    accounts: Lane,
    strangers: Lane,
    gatherings: Flights<Nsid, ()>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// What is at hand of a lexicon.
enum Standing {
    Fresh(Arc<ResolvedLexicon>),
    Stale(Arc<ResolvedLexicon>),
    Old(Arc<ResolvedLexicon>),
    Failed(PublishedLexiconError),
    Absent,
}

impl PublishedLexicons {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { store, resolver, http, clock, authority, tasks, stopping } = parts;
        Self(Arc::new(Inner {
            source: Source { store: store.clone(), resolver, http, authority },
            store,
            clock,
            memory: Memory::new(),
            accounts: Lane::new(MAX_LOOKUPS, MAX_WAITING),
            strangers: Lane::new(MAX_STRANGE_LOOKUPS, MAX_STRANGE_WAITING),
            gatherings: Flights::default(),
            tasks,
            stopping,
        }))
    }

    /// The lexicon of an NSID, from the cache or the network; takes ten seconds at the very most. Callers that let
    /// others choose the NSID count how often they do.
    ///
    /// # Errors
    /// Why it does not resolve. A lexicon that was found before stays, whatever fails later, unless moderation here has
    /// taken it down.
    pub async fn resolve(&self, nsid: &Nsid, asker: Asker) -> Resolution {
        match self.standing(nsid).await? {
            Standing::Fresh(lexicon) => Ok(lexicon),
            Standing::Stale(lexicon) => {
                self.refresh(nsid, asker);
                Ok(lexicon)
            }
            Standing::Old(lexicon) => match self.wait_for(nsid, asker).await {
                Err(err) if !err.withdraws() => Ok(lexicon),
                result => result,
            },
            Standing::Failed(err) => Err(err),
            Standing::Absent => self.wait_for(nsid, asker).await,
        }
    }

    /// The lexicon as it is cached, however old. The network is not asked.
    ///
    /// # Errors
    /// Why the last look-up failed, if it did just now and nothing is cached.
    async fn cached(
        &self,
        nsid: &Nsid,
    ) -> Result<Option<Arc<ResolvedLexicon>>, PublishedLexiconError> {
        match self.standing(nsid).await? {
            Standing::Fresh(lexicon) | Standing::Stale(lexicon) | Standing::Old(lexicon) => {
                Ok(Some(lexicon))
            }
            Standing::Failed(err) => Err(err),
            Standing::Absent => Ok(None),
        }
    }

    async fn standing(&self, nsid: &Nsid) -> Result<Standing, PublishedLexiconError> {
        let now = self.0.clock.now();
        let held = match self.0.memory.lexicon(nsid) {
            Some(held) => Some(held),
            None => self.0.load(nsid).await?,
        };
        let failure = self.0.memory.failure(nsid, now);
        let Some(Held { lexicon, verified_at }) = held else {
            return Ok(failure.map_or(Standing::Absent, Standing::Failed));
        };
        Ok(match age(verified_at, now) {
            age if age <= FRESH || failure.is_some() => Standing::Fresh(lexicon),
            age if age <= STALE => Standing::Stale(lexicon),
            _ => Standing::Old(lexicon),
        })
    }

    /// Looks a lexicon up, and nobody waits. What finds no room is for a later call.
    fn refresh(&self, nsid: &Nsid, asker: Asker) {
        if let Err(err) = self.look_up(nsid, asker) {
            tracing::debug!(%nsid, %err, "a lexicon is refreshed later");
        }
    }

    async fn wait_for(&self, nsid: &Nsid, asker: Asker) -> Resolution {
        let flight = self.look_up(nsid, asker)?;
        let landed = timeout(WAIT, flight).await.map_err(|_| PublishedLexiconError::Timeout)?;
        landed.unwrap_or(Err(PublishedLexiconError::ShutDown))
    }

    /// Joins or starts the look-up.
    fn look_up(
        &self,
        nsid: &Nsid,
        asker: Asker,
    ) -> Result<Flight<Resolution>, PublishedLexiconError> {
        let lane = self.0.lane(asker);
        if lane.lookups.running() >= lane.max_waiting {
            return Err(PublishedLexiconError::Busy);
        }
        let (inner, own) = (Arc::clone(&self.0), nsid.clone());
        let running = self.0.tasks.token();
        Ok(lane.lookups.join(nsid, async move {
            let _running = running;
            tokio::select! {
                () = inner.stopping.cancelled() => Err(PublishedLexiconError::ShutDown),
                result = inner.look_up(&own, asker) => result,
            }
        }))
    }
}

impl Inner {
    fn lane(&self, asker: Asker) -> &Lane {
        match asker {
            Asker::Account => &self.accounts,
            Asker::Stranger => &self.strangers,
        }
    }

    /// What an earlier run kept.
    async fn load(&self, nsid: &Nsid) -> Result<Option<Held>, PublishedLexiconError> {
        let Some(kept) = self.store.kept_lexicon(nsid).await? else { return Ok(None) };
        let KeptLexicon { did, verified_at, record } = kept;
        match read(nsid, Found { did, record }).await {
            Ok((lexicon, _)) => {
                let held = Held { lexicon, verified_at };
                self.memory.hold(nsid, held.clone());
                Ok(Some(held))
            }
            Err(err) => {
                // It was kept under other rules.
                tracing::debug!(%nsid, %err, "a kept lexicon is of no use");
                Ok(None)
            }
        }
    }

    async fn look_up(&self, nsid: &Nsid, asker: Asker) -> Resolution {
        let permit = self.lane(asker).permits.acquire().await;
        let _permit = permit.map_err(|_| PublishedLexiconError::ShutDown)?;
        if let Some(landed) = self.just_landed(nsid) {
            return landed;
        }
        let looked_up = async { read(nsid, self.source.find(nsid).await?).await };
        let found = timeout(LOOKUP_TIMEOUT, looked_up).await;
        let now = self.clock.now();
        let (lexicon, found) = match found.unwrap_or(Err(PublishedLexiconError::Timeout)) {
            Ok(found) => found,
            Err(err) => {
                tracing::debug!(%nsid, %err, "a lexicon was not found");
                self.memory.fail(nsid, err.clone(), now);
                if err.withdraws() {
                    self.withdraw(nsid).await;
                }
                return Err(err);
            }
        };
        self.memory.succeed(nsid);
        self.memory.hold(nsid, Held { lexicon: Arc::clone(&lexicon), verified_at: now });
        let kept = KeptLexicon { did: found.did, verified_at: now, record: found.record };
        if let Err(err) = self.store.keep_lexicon(nsid, kept).await {
            tracing::warn!(%nsid, error = &err as &dyn std::error::Error, "a lexicon is not kept");
        }
        Ok(lexicon)
    }

    /// What a look-up brought that ended after the caller had looked at the cache.
    fn just_landed(&self, nsid: &Nsid) -> Option<Resolution> {
        let now = self.clock.now();
        if let Some(err) = self.memory.failure(nsid, now) {
            return Some(Err(err));
        }
        let held = self.memory.lexicon(nsid)?;
        (age(held.verified_at, now) <= FRESH).then_some(Ok(held.lexicon))
    }

    async fn withdraw(&self, nsid: &Nsid) {
        self.memory.drop_lexicon(nsid);
        if let Err(err) = self.store.forget_lexicon(nsid).await {
            tracing::warn!(%nsid, error = &err as &dyn std::error::Error, "a lexicon stays kept");
        }
    }
}

/// Reads a record off the async threads: the largest take tens of milliseconds.
async fn read(
    nsid: &Nsid,
    found: Found,
) -> Result<(Arc<ResolvedLexicon>, Found), PublishedLexiconError> {
    let nsid = nsid.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let lexicon = ResolvedLexicon::read(&nsid, &found.did, &found.record)?;
        Ok((Arc::new(lexicon), found))
    });
    reading.await.unwrap_or(Err(PublishedLexiconError::ShutDown))
}
