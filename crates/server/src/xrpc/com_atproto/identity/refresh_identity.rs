//! `com.atproto.identity.refreshIdentity`

use std::sync::Arc;

use cairn_identity::DidDocument;
use cairn_model::{AtIdentifier, Did, Handle};
use cairn_store::{Account, NoAccount, UpdateHandleError};
use serde::Deserialize;

use super::resolve_did;
use super::resolve_identity::{self, Identity, verified_handle};
use crate::App;
use crate::accounts::handle_policy::{self, Domain};
use crate::auth::Session;
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
pub struct RefreshIdentity {
    identifier: AtIdentifier,
}

/// Looks at a DID and its handle again, past every cache, and tells the network if an account of this server has another
/// handle than before.
///
/// Interop: the lexicon leaves it open who may ask. Each call costs look-ups at hosts that the caller names, so here it
/// takes a session.
pub async fn refresh_identity(
    cx: Cx<Session>,
    Input(input): Input<RefreshIdentity>,
) -> Result<Json<Identity>> {
    let app = &cx.app;
    let did = resolve_identity::did(app, input.identifier, true).await?;
    let account = app.store.account(&did).await?;
    let before = match &account {
        Some(account) => handle_so_far(app, account).await,
        None => None,
    };
    let seen = look(app, &did).await?;
    let settled = match account {
        Some(account) => settle(app, &account, before.as_ref(), seen).await?,
        None => seen,
    };
    Ok(Json(Identity::new(&settled.document, settled.handle.as_ref())))
}

/// A DID as the network shows it.
struct Seen {
    document: Arc<DidDocument>,
    /// Verified.
    handle: Option<Handle>,
}

/// Looks past every cache.
async fn look(app: &App, did: &Did) -> Result<Seen> {
    let document = resolve_did::document(app, did, true).await?;
    let handle = verified_handle(app, &document, true).await;
    Ok(Seen { document, handle })
}

/// What this server took for the account's handle until it looked again.
async fn handle_so_far(app: &App, account: &Account) -> Option<Handle> {
    let document = app.resolver.did(&account.did, false).await.ok()?;
    verified_handle(app, &document, false).await
}

/// An account follows its DID document to a handle of its owner's own domain. Names under this server's domains change
/// by `updateHandle` only. Returns what the account follows.
async fn settle(app: &App, account: &Account, before: Option<&Handle>, seen: Seen) -> Result<Seen> {
    if !follows(app, account, &seen) {
        return announce(app, account, before, seen).await;
    }
    let _turn = app.identity_turns.take(&account.did).await;
    // What was seen may be older than a change that had its turn meanwhile.
    let account = app.store.account(account.id).await?.ok_or(NoAccount)?;
    let seen = look(app, &account.did).await?;
    if !follows(app, &account, &seen) {
        return announce(app, &account, before, seen).await;
    }
    match app.store.update_handle(account.id, seen.handle.clone()).await {
        Ok(()) => Ok(seen),
        // Another account has it here; whoever is asked next will find out.
        Err(UpdateHandleError::Taken) => announce(app, &account, before, seen).await,
        Err(err) => Err(err.into()),
    }
}

/// Whether the account takes the handle that was seen: it has another one, and this is its owner's to choose.
fn follows(app: &App, account: &Account, seen: &Seen) -> bool {
    let Some(handle) = &seen.handle else { return false };
    account.handle.as_ref() != Some(handle)
        && matches!(
            handle_policy::check(handle.as_str(), app.config.handle_rules(), false),
            Ok((_, Domain::External))
        )
}

/// Tells the network to look too, if the handle is not what it was.
async fn announce(
    app: &App,
    account: &Account,
    before: Option<&Handle>,
    seen: Seen,
) -> Result<Seen> {
    if before != seen.handle.as_ref() {
        app.store.emit_identity(account.id).await?;
    }
    Ok(seen)
}
