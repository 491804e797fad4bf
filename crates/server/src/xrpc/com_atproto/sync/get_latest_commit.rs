//! `com.atproto.sync.getLatestCommit`: where a repository stands.

use cairn_model::{Cid, Tid};
use serde::Serialize;

use crate::auth::RepoReader;
use crate::xrpc::{Cx, Json, Params, Result};

use super::RepoParams;
use super::access::head_of;

#[derive(Serialize)]
pub struct Latest {
    cid: Cid,
    rev: Tid,
}

pub async fn get_latest_commit(
    cx: Cx<RepoReader>,
    Params(params): Params<RepoParams>,
) -> Result<Json<Latest>> {
    let (_, head) = head_of(&cx, &params.did).await?;
    Ok(Json(Latest { cid: head.commit, rev: head.rev }))
}
