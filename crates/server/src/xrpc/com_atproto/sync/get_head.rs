//! `com.atproto.sync.getHead`: the CID of the latest commit. Deprecated, but asked for.

use cairn_model::Cid;
use serde::Serialize;

use crate::auth::RepoReader;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

use super::RepoParams;
use super::access::readable;

#[derive(Serialize)]
pub struct Head {
    root: Cid,
}

pub async fn get_head(
    cx: Cx<RepoReader>,
    Params(params): Params<RepoParams>,
) -> Result<Json<Head>> {
    let account = readable(&cx, &params.did).await?;
    let head = cx.app.store.head(account.id).await?;
    let head = head.ok_or_else(|| {
        XrpcError::named("HeadNotFound", format!("Could not find root for DID: {}", params.did))
    })?;
    Ok(Json(Head { root: head.commit }))
}
