//! `com.atproto.sync.listBlobs`: which blobs a repository refers to.

use cairn_model::{Cid, Did, Tid};
use serde::{Deserialize, Serialize};

use crate::auth::RepoReader;
use crate::xrpc::{Cx, Json, Limit, Params, Result};

use super::access::readable;

#[derive(Deserialize)]
pub struct ListParams {
    did: Did,
    since: Option<Tid>,
    #[serde(default)]
    limit: Limit<1, 1000, 500>,
    cursor: Option<Cid>,
}

#[derive(Serialize)]
pub struct Listing {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Cid>,
    cids: Vec<Cid>,
}

pub async fn list_blobs(
    cx: Cx<RepoReader>,
    Params(params): Params<ListParams>,
) -> Result<Json<Listing>> {
    let account = readable(&cx, &params.did).await?;
    let cids = cx
        .app
        .store
        .list_blobs(account.id, params.since, params.cursor, params.limit.as_u32())
        .await?;
    Ok(Json(Listing { cursor: cids.last().copied(), cids }))
}
