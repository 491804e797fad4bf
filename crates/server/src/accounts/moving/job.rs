//! The steps of a move that the server does by itself.

use std::time::Duration;

use cairn_store::{Account, AccountId, Move, MoveStep, MoveTrouble, is_too_slow};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep};

use super::super::preferences::Preferences;
use super::super::{activation, import};
use super::old_server::{OldError, OldServer};
use super::{Claim, Trouble, lives_here, rests, resume};
use crate::App;
use crate::error::XrpcError;

/// Blobs that are fetched at once.
const BLOBS_AT_ONCE: usize = 4;
/// After so many blobs in a row without an answer, the old server is taken as gone.
const SILENCES: u32 = 8;
/// What a blob may take before it must come at some pace: whoever sends slowly keeps others from moving.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often an activation that fails is tried again before its owner is asked to, each time after a longer pause.
const ACTIVATIONS: u32 = 10;
const ACTIVATION_PAUSE: Duration = Duration::from_secs(5);
/// Missing blobs that are looked up together, and fetched before others have their turn.
const PAGE: u32 = 50;

/// Goes on with what a restart has interrupted.
pub async fn resume_all(app: App) {
    match app.store.running_moves().await {
        Ok(accounts) => accounts.into_iter().for_each(|account| start(&app, account)),
        Err(error) => tracing::warn!(%error, "moves are not gone on with"),
    }
}

/// Works on a move beside the requests, one job for each account.
pub(super) fn start(app: &App, account: AccountId) {
    let Some(mut claim) = Claim::take(app, account) else { return };
    let app = app.clone();
    app.clone().tasks.spawn(async move {
        let stopping = app.stopping.clone();
        let work = async { run(&app, account, &mut Turn::take(&app).await).await };
        let outcome = tokio::select! {
            // The store says that it runs, so the next start goes on.
            () = stopping.cancelled() => Ok(()),
            outcome = work => outcome,
        };
        match outcome {
            Ok(()) => claim.wake_after(),
            Err(error) => tracing::warn!(%error, "a move was interrupted"),
        }
    });
}

/// The right to work beside [`super::AT_ONCE`] others.
struct Turn<'a> {
    app: &'a App,
    held: Option<SemaphorePermit<'a>>,
}

impl<'a> Turn<'a> {
    async fn take(app: &'a App) -> Self {
        // Never closed.
        Self { app, held: app.moves.turns.acquire().await.ok() }
    }

    /// Lets those go first who have waited longest: an old server that is slow must not keep others from moving.
    async fn pass(&mut self) {
        self.held = None;
        *self = Self::take(self.app).await;
    }
}

/// Step after step, until the owner is to act or something is in the way.
async fn run(app: &App, id: AccountId, turn: &mut Turn<'_>) -> Result<(), cairn_store::StoreError> {
    let mut failures = 0;
    loop {
        let Some(found) = app.store.find_move(id).await? else { return Ok(()) };
        let Some(account) = app.store.account(id).await? else { return Ok(()) };
        if rests(app, id, &found).await? {
            return Ok(());
        }
        match step(app, &account, &found, turn).await {
            Ok(next) => app.store.set_move(id, found.step, next, true, None).await?,
            Err(_) if found.step == MoveStep::Activation && failures < ACTIVATIONS => {
                // The identity names this server already, so the account must not be left lying.
                failures += 1;
                sleep(ACTIVATION_PAUSE * failures).await;
            }
            Err(Trouble(trouble)) => {
                let MoveTrouble { code, detail } = &trouble;
                tracing::info!(did = %account.did, step = found.step.as_str(), code, detail, "a move stands still");
                let step = found.step;
                return app.store.set_move(id, step, step, false, Some(trouble)).await;
            }
        }
    }
}

/// Does one step and says which is next.
async fn step(
    app: &App,
    account: &Account,
    found: &Move,
    turn: &mut Turn<'_>,
) -> Result<MoveStep, Trouble> {
    if found.step == MoveStep::Activation {
        activation::activate(app, account).await?;
        return Ok(MoveStep::Farewell);
    }
    // Where the account lives decides which copy counts. What is here then must not be overwritten by an older one, and no
    // other server is told to let go of an account that has left here.
    let at_home = match found.step {
        MoveStep::Repository => Some(MoveStep::Blobs),
        MoveStep::Preferences => Some(MoveStep::Activation),
        _ => None,
    };
    if let Some(next) = at_home
        && (account.is_active() || lives_here(app, account).await?)
    {
        return Ok(next);
    }
    if found.step == MoveStep::Farewell
        && !(account.is_active() && lives_here(app, account).await?)
    {
        return Ok(MoveStep::Done);
    }
    let old = resume(app, account.id, found).ok_or(OldError::SessionOver)?;
    match found.step {
        MoveStep::Repository => {
            repository(app, account, &old).await?;
            Ok(MoveStep::Blobs)
        }
        MoveStep::Blobs => {
            blobs(app, account, &old, turn).await?;
            Ok(MoveStep::Preferences)
        }
        MoveStep::Preferences => {
            copy_preferences(app, account, &old).await?;
            Ok(MoveStep::Identity)
        }
        MoveStep::Farewell => {
            // The old copy must not look alive beside the new one.
            old.call("com.atproto.server.deactivateAccount", Some(&json!({}))).await?;
            Ok(MoveStep::Done)
        }
        step @ (MoveStep::Identity | MoveStep::Activation | MoveStep::Done) => Ok(step),
    }
}

async fn repository(app: &App, account: &Account, old: &OldServer) -> Result<(), Trouble> {
    let limit = app.config.import_limit.and_then(|limit| usize::try_from(limit).ok());
    let params = [("did", account.did.as_str())];
    let mut pieces =
        old.stream("com.atproto.sync.getRepo", &params, limit.unwrap_or(usize::MAX)).await?;
    let mut arriving = import::begin(app, account).await?;
    while let Some(piece) = pieces.next().await? {
        arriving.push(piece).await?;
    }
    // It may have taken hours.
    let present = app.store.account(account.id).await?;
    if present.is_none_or(|account| account.is_active()) || lives_here(app, account).await? {
        return Ok(());
    }
    Ok(arriving.finish().await?)
}

/// Fetches what is missing. One blob that cannot be had keeps no other.
async fn blobs(
    app: &App,
    account: &Account,
    old: &OldServer,
    turn: &mut Turn<'_>,
) -> Result<(), Trouble> {
    let mut cursor = None;
    let mut first: Option<Trouble> = None;
    let mut silences = 0;
    loop {
        let page = app.store.list_missing_blobs(account.id, cursor, PAGE).await?;
        let Some(last) = page.last() else { break };
        turn.pass().await;
        cursor = Some(last.cid);
        let mut fetched = stream::iter(page)
            .map(|missing| async move { blob(app, account, old, missing.cid).await })
            .buffer_unordered(BLOBS_AT_ONCE);
        while let Some(outcome) = fetched.next().await {
            match outcome {
                Ok(()) => silences = 0,
                // Nothing more will come.
                Err(trouble) if trouble.is_final() => return Err(trouble),
                Err(trouble) => {
                    silences = if trouble.0.code == "away" { silences + 1 } else { 0 };
                    if silences == SILENCES {
                        return Err(trouble);
                    }
                    first.get_or_insert(trouble);
                }
            }
        }
    }
    let counts = app.store.list_missing_blobs(account.id, None, 1_000).await?;
    match (counts.len(), first) {
        (0, _) => Ok(()),
        (_, Some(trouble)) if trouble.0.code == "away" => Err(trouble),
        (missing, _) => Err(Trouble::new("blobs", missing.to_string())),
    }
}

impl Trouble {
    /// Whether the next blob would meet it too.
    fn is_final(&self) -> bool {
        matches!(self.0.code.as_str(), "session" | "here" | "full")
    }
}

async fn blob(
    app: &App,
    account: &Account,
    old: &OldServer,
    cid: cairn_model::Cid,
) -> Result<(), Trouble> {
    let limit = app.config.blob_upload_limit;
    let cid_text = cid.to_string();
    let params = [("did", account.did.as_str()), ("cid", cid_text.as_str())];
    let max_bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut pieces = old.stream("com.atproto.sync.getBlob", &params, max_bytes).await?;
    let mut upload = app.store.upload_blob(account.id, limit).await.map_err(not_stored)?;
    let (began, mut bytes) = (Instant::now(), 0);
    while let Some(piece) = pieces.next().await? {
        bytes += piece.len() as u64;
        if is_too_slow(bytes, began.elapsed(), PATIENCE) {
            return Err(Trouble::new("away", ""));
        }
        upload.write(piece).await.map_err(not_stored)?;
    }
    let stored = upload.finish(pieces.mime_type()).await.map_err(not_stored)?;
    // Bytes of something else wait for no record here and go by themselves.
    if stored.cid == cid { Ok(()) } else { Err(OldError::Strange.into()) }
}

fn not_stored(err: cairn_store::UploadError) -> Trouble {
    let is_quota = matches!(err, cairn_store::UploadError::QuotaExceeded { .. });
    let err = XrpcError::from(err);
    if is_quota { Trouble::new("full", err.message()) } else { err.into() }
}

async fn copy_preferences(app: &App, account: &Account, old: &OldServer) -> Result<(), Trouble> {
    let kept: Preferences = old.query("app.bsky.actor.getPreferences", &[]).await?;
    Ok(kept.put(&app.store, account.id, true).await?)
}
