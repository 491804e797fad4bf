//! Moving in: an account that lives at another server comes here with everything, led by this server in its owner's name.
//!
//! What a client would do by hand (`docs/migration.md`) is done by a job, step by step. Each step can be repeated, and how far a
//! move is stands in the store, so that it goes on after a restart. Two things need the owner: signing in at the old server,
//! whose password is used once and not kept, and the code that the old server mails before the identity changes.
//!
//! Guide: <https://atproto.com/guides/account-migration>.

mod identity;
mod job;
mod old_server;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use cairn_identity::{FetchError, ResolveError};
use cairn_model::{AtIdentifier, Did, Handle};
use cairn_store::{Account, AccountId, Move, MoveStep, MoveTrouble, StoreError};
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::Url;

use super::create::{self, Outcome, Wanted};
use super::identity::names_server;
use crate::App;
use crate::auth::{Newcomer, verify_newcomer};
use crate::error::XrpcError;

pub use identity::{confirm, request_code};
pub use job::resume_all;
pub use old_server::{OldError, OldServer};

/// Moves that the server works on at once; more wait. Each streams from a stranger.
const AT_ONCE: usize = 4;

/// The moves of this process.
pub struct Moves {
    running: Mutex<HashSet<AccountId>>,
    turns: Semaphore,
}

impl Default for Moves {
    fn default() -> Self {
        Self { running: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Moves {
    /// Whether there is a job for an account.
    pub fn works_on(&self, account: AccountId) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).contains(&account)
    }

    fn begin(&self, account: AccountId) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(account)
    }

    fn end(&self, account: AccountId) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
    }
}

/// The only job of an account, until this is dropped, however the job ends.
pub struct Claim {
    app: App,
    account: AccountId,
    wakes: bool,
}

impl Claim {
    /// None if there is a job already.
    pub fn take(app: &App, account: AccountId) -> Option<Self> {
        app.moves.begin(account).then(|| Self { app: app.clone(), account, wakes: false })
    }

    /// Has a move that was to go on meanwhile do so afterwards.
    pub fn wake_after(&mut self) {
        self.wakes = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.app.moves.end(self.account);
        if self.wakes && !self.app.stopping.is_cancelled() {
            let (app, account) = (self.app.clone(), self.account);
            self.app.tasks.spawn(async move {
                match app.store.find_move(account).await {
                    Ok(Some(found)) if found.is_running => job::start(&app, account),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "a move is not gone on with"),
                }
            });
        }
    }
}

/// Who wants to come, and where they live.
pub struct Origin {
    pub did: Did,
    /// The old server, by the DID document.
    pub base: Url,
    /// The handle that the document names.
    pub handle: Option<Handle>,
}

/// Why nobody can be brought here.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    #[error("neither a handle nor a did")]
    Name,
    #[error("nobody has this name: {0}")]
    Unknown(#[from] ResolveError),
    #[error("the identity names no server")]
    NoServer,
    #[error("the account lives here")]
    Here,
}

/// Finds out where somebody lives, past every cache.
///
/// # Errors
/// For a name that leads nowhere, or here.
pub async fn find(app: &App, name: &str) -> Result<Origin, OriginError> {
    let name = name.trim().trim_start_matches('@');
    // Case does not matter in handles; a DID is as it is.
    let is_did = name.starts_with("did:");
    let name = if is_did { name.to_owned() } else { name.to_ascii_lowercase() };
    let did = match AtIdentifier::parse(&name).map_err(|_| OriginError::Name)? {
        AtIdentifier::Did(did) => did,
        AtIdentifier::Handle(handle) => app.resolver.handle_fresh(&handle).await?,
    };
    let document = app.resolver.did(&did, true).await?;
    let endpoint = document.pds_endpoint().ok_or(OriginError::NoServer)?;
    if endpoint == app.config.public_url {
        return Err(OriginError::Here);
    }
    let base: Url = endpoint.parse().map_err(|_| OriginError::NoServer)?;
    Ok(Origin { did, base, handle: document.handle() })
}

/// What an account here shall be like.
pub struct Newcoming {
    pub handle: String,
    pub email: Option<String>,
    pub password: String,
    pub invite_code: Option<String>,
}

/// Makes the account here, for whom the old server vouches with a token, as for any client.
///
/// # Errors
/// Those of `createAccount`; 502 when the old server gives no token.
pub async fn arrive(
    app: &App,
    origin: &Origin,
    old: &OldServer,
    wanted: Newcoming,
) -> Result<Outcome, XrpcError> {
    use crate::auth::CREATE_ACCOUNT;
    #[derive(Deserialize)]
    struct Token {
        token: String,
    }
    let params = [("aud", app.config.service_did.as_str()), ("lxm", CREATE_ACCOUNT)];
    let token: Token = old.query("com.atproto.server.getServiceAuth", &params).await?;
    let proven = verify_newcomer(app, &token.token).await?;
    let wanted = Wanted {
        handle: wanted.handle,
        email: wanted.email,
        password: Some(wanted.password),
        passkey: None,
        invite_code: wanted.invite_code,
        did: Some(origin.did.clone()),
        recovery_key: None,
    };
    create::create(app, &Newcomer::Holder(proven), wanted).await
}

/// Whether the identity names this server, past every cache.
///
/// # Errors
/// When the DID document cannot be had.
pub async fn lives_here(app: &App, account: &Account) -> Result<bool, XrpcError> {
    let document = app.resolver.did(&account.did, true).await?;
    Ok(names_server(&document, &app.config.public_url))
}

/// Begins the move of an account that is here, or goes on with it, by a session at its old server.
///
/// # Errors
/// When the store cannot be written.
pub async fn begin(
    app: &App,
    account: &Account,
    base: &Url,
    old: &OldServer,
) -> Result<(), XrpcError> {
    let origin = base.origin().ascii_serialization();
    let found = app.store.find_move(account.id).await?;
    // These come after the identity has named this server. If it names another one, the account has moved away since.
    let is_after = |found: &Move| {
        matches!(found.step, MoveStep::Activation | MoveStep::Farewell | MoveStep::Done)
    };
    let anew = found.as_ref().is_some_and(is_after) && !lives_here(app, account).await?;
    let secret = old.tokens().await.to_secret();
    app.store.begin_move(account.id, origin, secret, anew).await?;
    go_on(app, account.id).await
}

/// Has the server work on a move from the step that is next, unless it does or the owner is to act.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn go_on(app: &App, account: AccountId) -> Result<(), XrpcError> {
    let Some(found) = app.store.find_move(account).await? else { return Ok(()) };
    if rests(app, account, &found).await? {
        return Ok(());
    }
    app.store.set_move(account, found.step, found.step, true, None).await?;
    job::start(app, account);
    Ok(())
}

/// The repository has come by another way: a move that waits for it goes on with what is next.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn repository_is_here(app: &App, account: AccountId) -> Result<(), XrpcError> {
    let Some(found) = app.store.find_move(account).await? else { return Ok(()) };
    if found.step == MoveStep::Repository {
        app.store.set_move(account, found.step, MoveStep::Blobs, false, None).await?;
    }
    Ok(())
}

/// Leaves a step out that need not be done: blobs that the old server does not have, the farewell.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn skip(app: &App, account: AccountId) -> Result<(), XrpcError> {
    let Some(found) = app.store.find_move(account).await? else { return Ok(()) };
    let next = match found.step {
        MoveStep::Blobs => MoveStep::Preferences,
        MoveStep::Preferences => MoveStep::Identity,
        MoveStep::Farewell => MoveStep::Done,
        _ => return Ok(()),
    };
    if app.moves.works_on(account) {
        return Ok(());
    }
    app.store.set_move(account, found.step, next, false, None).await?;
    go_on(app, account).await
}

/// Whether there is nothing that the server could do by itself. A move that is over also ends its session at the old
/// server.
///
/// # Errors
/// When the store cannot be written.
async fn rests(app: &App, account: AccountId, found: &Move) -> Result<bool, StoreError> {
    let step = found.step;
    if !matches!(step, MoveStep::Identity | MoveStep::Done) {
        return Ok(false);
    }
    if step == MoveStep::Done {
        if let Some(old) = resume(app, account, found) {
            old.sign_out_later();
        }
        app.store.end_move_session(account).await?;
    }
    app.store.set_move(account, step, step, false, None).await?;
    Ok(true)
}

/// The old server by the session that is stored; none when that is over.
fn resume(app: &App, account: AccountId, found: &Move) -> Option<OldServer> {
    let tokens = old_server::Tokens::from_secret(found.session.as_ref()?)?;
    Some(OldServer::resume(app, found.origin.parse().ok()?, account, tokens))
}

/// What stands in the way, in a form that is stored.
struct Trouble(MoveTrouble);

impl Trouble {
    fn new(code: &str, detail: impl Into<String>) -> Self {
        Self(MoveTrouble { code: code.to_owned(), detail: detail.into() })
    }
}

impl From<OldError> for Trouble {
    fn from(err: OldError) -> Self {
        match err {
            OldError::Away(FetchError::TooLarge { .. }) => Self::new("large", ""),
            OldError::Away(_) => Self::new("away", ""),
            OldError::Refused { name, message, .. } if message.is_empty() => {
                Self::new("refused", name)
            }
            OldError::Refused { message, .. } => Self::new("refused", message),
            OldError::SessionOver | OldError::AppPassword => Self::new("session", ""),
            OldError::Strange => Self::new("strange", ""),
        }
    }
}

impl From<XrpcError> for Trouble {
    fn from(err: XrpcError) -> Self {
        if err.status().is_server_error() {
            tracing::warn!(status = err.status().as_u16(), error = %err.message(), "a move stands still");
            return Self::new("here", "");
        }
        Self::new("not_taken", err.message())
    }
}

impl From<StoreError> for Trouble {
    fn from(err: StoreError) -> Self {
        XrpcError::from(err).into()
    }
}

impl From<OldError> for XrpcError {
    fn from(err: OldError) -> Self {
        Self::upstream_failure("The old server does not do its part").because(err)
    }
}

/// The old server of a move whose account has its identity here by now.
pub fn known_origin(account: &Account, found: Option<&Move>) -> Option<Origin> {
    let base: Url = found?.origin.parse().ok()?;
    Some(Origin { did: account.did.clone(), base, handle: account.handle.clone() })
}
