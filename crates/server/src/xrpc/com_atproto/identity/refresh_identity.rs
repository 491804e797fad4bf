//! `com.atproto.identity.refreshIdentity`

use cairn_model::{AtIdentifier, Handle};
use cairn_store::{Account, UpdateHandleError};
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
    let document = resolve_did::document(app, &did, true).await?;
    let handle = verified_handle(app, &document, true).await;
    if let Some(account) = account {
        settle(app, &account, before.as_ref(), handle.as_ref()).await?;
    }
    Ok(Json(Identity::new(&document, handle.as_ref())))
}

/// What this server took for the account's handle until it looked again.
async fn handle_so_far(app: &App, account: &Account) -> Option<Handle> {
    let document = app.resolver.did(&account.did, false).await.ok()?;
    verified_handle(app, &document, false).await
}

/// An account follows its DID document to a handle of its owner's own domain. Names under this server's domains change
/// by `updateHandle` only.
async fn settle(
    app: &App,
    account: &Account,
    before: Option<&Handle>,
    handle: Option<&Handle>,
) -> Result<()> {
    if let Some(handle) = handle.filter(|handle| account.handle.as_ref() != Some(handle)) {
        let checked = handle_policy::check(handle.as_str(), app.config.handle_rules(), false);
        if matches!(checked, Ok((_, Domain::External))) {
            let _turn = app.identity_turns.take(&account.did).await;
            match app.store.update_handle(account.id, Some(handle.clone())).await {
                Ok(()) => return Ok(()),
                // Another account has it here; whoever is asked next will find out.
                Err(UpdateHandleError::Taken) => {}
                Err(err) => return Err(err.into()),
            }
        }
    }
    if before != handle {
        app.store.emit_identity(account.id).await?;
    }
    Ok(())
}
