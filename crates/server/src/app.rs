//! Everything that a request may need, shared by all of them.

use std::ops::Deref;
use std::sync::Arc;

use cairn_identity::{Clock, GuardedClient, PlcClient, Resolver, SigningKey, service_auth};
use cairn_lexicon::Lexicons;
use cairn_store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::moving::Moves;
use crate::accounts::turns::Turns;
use crate::auth::{Grants, SessionTokens};
use crate::config::ServerConfig;
use crate::error::XrpcError;
use crate::figures::Figures;
use crate::firehose::{Subscribers, Viewers};
use crate::limits::RateLimits;
use crate::mail::{Mailer, Outbox};
use crate::oauth;
use crate::published_lexicons::{self, PublishedLexicons};
use crate::relays::Relays;
use crate::web::Web;
use crate::workers::{WorkError, Workers};

/// When to come back after too much work waited; a full queue is done by then.
const BUSY_SECONDS: u64 = 10;

/// The running server. Cloning shares it.
#[derive(Clone)]
pub struct App(Arc<AppInner>);

/// What the binary puts together to make an [`App`].
pub struct AppParts {
    pub config: ServerConfig,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    /// Resolves DIDs and handles of the whole network.
    pub resolver: Arc<dyn Resolver>,
    /// The did:plc directory that new accounts are registered with.
    pub plc: PlcClient,
    /// The only way out to other hosts.
    pub http: GuardedClient,
    pub lexicons: &'static Lexicons,
    /// Signs did:plc operations for the accounts of this server.
    pub rotation_key: SigningKey,
    pub mailer: Arc<dyn Mailer>,
    /// For what moderators write; the ordinary mailer if there is none.
    pub moderation_mailer: Option<Arc<dyn Mailer>>,
}

/// The parts of an [`App`], reachable as its fields.
pub struct AppInner {
    pub config: ServerConfig,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub resolver: Arc<dyn Resolver>,
    pub plc: PlcClient,
    pub http: GuardedClient,
    pub lexicons: &'static Lexicons,
    /// Lexicons of the network.
    pub lexicons_published: PublishedLexicons,
    pub rotation_key: SigningKey,
    pub mailer: Arc<dyn Mailer>,
    /// For what moderators write.
    pub moderation_mailer: Arc<dyn Mailer>,
    /// Mail that could not be sent.
    pub outbox: Outbox,
    /// Makes and checks session tokens.
    pub tokens: SessionTokens,
    /// Checks tokens that other services and hosts sign.
    pub service_tokens: service_auth::Verifier,
    pub limits: RateLimits,
    /// What the pages keep.
    pub web: Web,
    /// What the OAuth provider keeps in memory.
    pub(crate) oauth: oauth::Provider,
    /// What OAuth clients may do.
    pub(crate) grants: Grants,
    /// Changes of identities, one at a time for each.
    pub(crate) identity_turns: Turns,
    /// Accounts that are on their way here.
    pub(crate) moves: Moves,
    /// Who follows the firehose.
    pub subscribers: Subscribers,
    /// Pages that show the firehose.
    pub viewers: Viewers,
    /// Who is asked to follow this server.
    pub relays: Relays,
    /// What the server has done.
    pub figures: Figures,
    /// Work that outlives a request, waited for at shutdown.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
    workers: Workers,
}

impl App {
    pub fn new(parts: AppParts) -> Self {
        let AppParts { config, store, clock, resolver, plc, http, lexicons, rotation_key, .. } =
            parts;
        let mailer = parts.mailer;
        let workers = Workers::start().expect("the system gives a process its first few threads");
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let lexicons_published = PublishedLexicons::new(published_lexicons::Parts {
            store: store.clone(),
            resolver: Arc::clone(&resolver),
            http: http.clone(),
            clock: Arc::clone(&clock),
            authority: config.lexicon_authority.clone(),
            tasks: tasks.clone(),
            stopping: stopping.clone(),
        });
        Self(Arc::new(AppInner {
            tokens: SessionTokens::new(&config.jwt_secret, config.service_did.clone()),
            service_tokens: service_auth::Verifier::for_pds(&config.service_did),
            limits: RateLimits::new(&config, Arc::clone(&clock)),
            web: Web::new(&config),
            oauth: oauth::Provider::new(),
            grants: Grants::new(),
            identity_turns: Turns::default(),
            moves: Moves::default(),
            subscribers: Subscribers::new(&config.firehose, &stopping),
            viewers: Viewers::new(),
            relays: Relays::new(&config.crawlers),
            figures: Figures::new(clock.now()),
            tasks,
            stopping,
            lexicons_published,
            workers,
            config,
            store,
            clock,
            resolver,
            plc,
            http,
            lexicons,
            rotation_key,
            moderation_mailer: parts.moderation_mailer.unwrap_or_else(|| Arc::clone(&mailer)),
            mailer,
            outbox: Outbox::default(),
        }))
    }

    /// Runs work that keeps a core busy (password hashing) off the async threads, a few at once.
    ///
    /// # Errors
    /// 503 when too much of it waits already; a panic in `work` becomes a 500.
    pub async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, XrpcError> {
        self.workers.run(work).await.map_err(|err| match err {
            WorkError::Busy => {
                XrpcError::unavailable("the server is busy, try again").retry_after(BUSY_SECONDS)
            }
            WorkError::Panicked => XrpcError::internal(err),
        })
    }

    /// Microseconds since 1970 by the server's clock.
    pub fn now_micros(&self) -> u64 {
        u64::try_from(self.clock.now().as_microsecond()).unwrap_or(0)
    }

    /// Seconds since 1970 by the server's clock.
    pub fn now_seconds(&self) -> i64 {
        self.clock.now().as_second()
    }
}

impl Deref for App {
    type Target = AppInner;

    fn deref(&self) -> &AppInner {
        &self.0
    }
}
