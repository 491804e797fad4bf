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
    let document = document(&cx.app, &params.did, false).await?;
    Ok(Json(Resolved { did_doc: document.as_json().clone() }))
}

/// The DID's document: past every cache if it shall be `fresh`, else up to an hour old.
pub(super) async fn document(app: &App, did: &Did, fresh: bool) -> Result<Arc<DidDocument>> {
    app.resolver.did(did, fresh).await.map_err(|err| match err {
        ResolveError::NotFound => not_found(),
        ResolveError::Deactivated => XrpcError::named("DidDeactivated", "DID has been deactivated"),
        // A did:web is what its host shows: one that does not answer has no document.
        ResolveError::Fetch(_) | ResolveError::Status { .. } if did.method() == "web" => {
            not_found().because(err)
        }
        err => err.into(),
    })
}

fn not_found() -> XrpcError {
    XrpcError::named("DidNotFound", "Unable to resolve DID")
}
