//! `com.atproto.sync.listReposByCollection`: the repositories that have records of a collection.
//!
//! Repositories that are not active are left out, so a page may hold fewer than its limit and still not be the last.

use cairn_model::{Did, Nsid};
use serde::{Deserialize, Serialize};

use crate::auth::Anyone;
use crate::xrpc::{Cx, Json, Limit, Params, Result};

#[derive(Deserialize)]
pub struct ListParams {
    collection: Nsid,
    #[serde(default)]
    limit: Limit<1, 2000, 500>,
    cursor: Option<u64>,
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

pub async fn list_repos_by_collection(
    cx: Cx<Anyone>,
    Params(params): Params<ListParams>,
) -> Result<Json<Listing>> {
    let cursor = params.cursor.map(|cursor| cursor.to_string());
    let page = cx
        .app
        .store
        .list_repos_by_collection(&params.collection, cursor, params.limit.as_u32())
        .await?;
    let active = page.repos.into_iter().filter(|repo| repo.status.is_active());
    Ok(Json(Listing {
        cursor: page.cursor,
        repos: active.map(|repo| Repo { did: repo.did }).collect(),
    }))
}
