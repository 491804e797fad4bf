//! `com.atproto.repo.listMissingBlobs`

use cairn_model::Cid;
use serde::{Deserialize, Serialize};

use crate::auth::Session;
use crate::xrpc::{Cx, Json, Limit, Params, Result};

#[derive(Deserialize)]
pub struct ListMissingBlobs {
    #[serde(default)]
    limit: Limit<1, 1000, 500>,
    cursor: Option<Cid>,
}

#[derive(Serialize)]
pub struct MissingBlobs {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Cid>,
    blobs: Vec<MissingBlob>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MissingBlob {
    cid: Cid,
    record_uri: String,
}

/// Blobs that records refer to and that have not been uploaded, by CID.
pub async fn list_missing_blobs(
    cx: Cx<Session>,
    Params(params): Params<ListMissingBlobs>,
) -> Result<Json<MissingBlobs>> {
    let account = &cx.caller.account;
    let limit = u32::try_from(params.limit.get()).unwrap_or(u32::MAX);
    let missing = cx.app.store.list_missing_blobs(account.id, params.cursor, limit).await?;
    let view = missing.iter().map(|blob| MissingBlob {
        cid: blob.cid,
        record_uri: format!("at://{}/{}", account.did, blob.record_path),
    });
    Ok(Json(MissingBlobs { cursor: missing.last().map(|blob| blob.cid), blobs: view.collect() }))
}
