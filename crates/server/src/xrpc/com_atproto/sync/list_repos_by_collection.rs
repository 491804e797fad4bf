//! `com.atproto.sync.listReposByCollection`: the repositories that have records of a collection.

use cairn_model::{Did, Nsid};
use serde::{Deserialize, Serialize};

use crate::auth::Anyone;
use crate::xrpc::{Cx, Json, Limit, Params, Result};

#[derive(Deserialize)]
pub struct ListParams {
    collection: Nsid,
    #[serde(default)]
    limit: Limit<1, 2000, 500>,
    cursor: Option<String>,
}

#[derive(Serialize)]
pub struct Listing {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    repos: Vec<Repo>,
}

#[derive(Serialize)]
struct Repo {
    did: Did,
}

pub async fn list_repos_by_collection(cx: Cx<Anyone>, Params(params): Params<ListParams>) -> Result<Json<Listing>> {
    let page = cx.app.store.list_repos_by_collection(params.collection, params.cursor, params.limit.as_u32()).await?;
    Ok(Json(Listing { cursor: page.cursor, repos: page.dids.into_iter().map(|did| Repo { did }).collect() }))
}
