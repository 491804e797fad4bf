//! `com.atproto.identity.resolveDid`

use std::sync::Arc;

use cairn_identity::{DidDocument, ResolveError};
use cairn_model::Did;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct ResolveDid {
    did: Did,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    did_doc: serde_json::Value,
}

pub async fn resolve_did(
    cx: Cx<Anyone>,
    Params(params): Params<ResolveDid>,
) -> Result<Json<Resolved>> {
    let document = document(&cx.app, &params.did).await?;
    Ok(Json(Resolved { did_doc: document.as_json().clone() }))
}

/// The DID's document, which may be an hour old.
pub(super) async fn document(app: &App, did: &Did) -> Result<Arc<DidDocument>> {
    app.resolver.did(did, false).await.map_err(|err| match err {
        ResolveError::NotFound => XrpcError::named("DidNotFound", "Unable to resolve DID"),
        err => err.into(),
    })
}
