//! `com.atproto.identity.resolveIdentity`

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

/// The handle is told only if it and the DID name each other.
pub async fn resolve_identity(
    cx: Cx<Anyone>,
    Params(params): Params<ResolveIdentity>,
) -> Result<Json<Identity>> {
    let did = match params.identifier {
        AtIdentifier::Did(did) => did,
        AtIdentifier::Handle(handle) => resolve_handle::resolve(&cx.app, &handle).await?,
    };
    let document = resolve_did::document(&cx.app, &did).await?;
    let handle = match document.handle() {
        Some(handle) if names(&cx.app, &handle, &did).await => handle.to_string(),
        _ => INVALID_HANDLE.to_owned(),
    };
    Ok(Json(Identity { did, handle, did_doc: document.as_json().clone() }))
}

async fn names(app: &App, handle: &Handle, did: &Did) -> bool {
    resolve_handle::resolve(app, handle).await.is_ok_and(|found| found == *did)
}
