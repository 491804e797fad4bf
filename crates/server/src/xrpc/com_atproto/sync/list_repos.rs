//! `com.atproto.sync.listRepos`: all repositories, active or not.

use cairn_model::{Cid, Did, Tid};
use cairn_store::ListedRepo;
use serde::{Deserialize, Serialize};

use crate::auth::Anyone;
use crate::xrpc::{Cx, Json, Limit, Params, Result};

#[derive(Deserialize)]
pub struct ListParams {
    #[serde(default)]
    limit: Limit<1, 1000, 500>,
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
    head: Cid,
    rev: Tid,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl From<ListedRepo> for Repo {
    fn from(repo: ListedRepo) -> Self {
        let ListedRepo { did, head, status, .. } = repo;
        Self {
            did,
            head: head.commit,
            rev: head.rev,
            active: status.is_active(),
            status: status.as_str(),
        }
    }
}

pub async fn list_repos(
    cx: Cx<Anyone>,
    Params(params): Params<ListParams>,
) -> Result<Json<Listing>> {
    let cursor = params.cursor.map(|cursor| cursor.to_string());
    let page = cx.app.store.list_repos(cursor, params.limit.as_u32()).await?;
    Ok(Json(Listing {
        cursor: page.cursor,
        repos: page.repos.into_iter().map(Repo::from).collect(),
    }))
}
