//! `com.atproto.identity.resolveIdentity`

use cairn_identity::DidDocument;
use cairn_model::{AtIdentifier, Did, Handle};
use serde::{Deserialize, Serialize};

use super::{resolve_did, resolve_handle};
use crate::App;
use crate::accounts::identity::INVALID_HANDLE;
use crate::auth::Anyone;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct ResolveIdentity {
    identifier: AtIdentifier,
}

/// `com.atproto.identity.defs#identityInfo`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    did: Did,
    handle: String,
    did_doc: serde_json::Value,
}

impl Identity {
    /// The handle is told only if it and the DID name each other.
    pub(super) fn new(document: &DidDocument, verified: Option<&Handle>) -> Self {
        Self {
            did: document.id.clone(),
            handle: verified.map_or_else(|| INVALID_HANDLE.to_owned(), Handle::to_string),
            did_doc: document.as_json().clone(),
        }
    }
}

pub async fn resolve_identity(
    cx: Cx<Anyone>,
    Params(params): Params<ResolveIdentity>,
) -> Result<Json<Identity>> {
    let did = did(&cx.app, params.identifier, false).await?;
    let document = resolve_did::document(&cx.app, &did, false).await?;
    let handle = verified_handle(&cx.app, &document, false).await;
    Ok(Json(Identity::new(&document, handle.as_ref())))
}

/// The DID that an identifier names; `fresh` passes every cache.
pub(super) async fn did(app: &App, identifier: AtIdentifier, fresh: bool) -> Result<Did> {
    match identifier {
        AtIdentifier::Did(did) => Ok(did),
        AtIdentifier::Handle(handle) => resolve_handle::resolve(app, &handle, fresh).await,
    }
}

/// The handle of a document that names the document's DID; `fresh` passes every cache.
pub(super) async fn verified_handle(
    app: &App,
    document: &DidDocument,
    fresh: bool,
) -> Option<Handle> {
    let handle = document.handle()?;
    let found = resolve_handle::resolve(app, &handle, fresh).await;
    found.is_ok_and(|found| found == document.id).then_some(handle)
}
