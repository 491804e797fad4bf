//! `com.atproto.sync.getRepoStatus`: whether a repository is served, and at which revision.

use cairn_model::{Did, Tid};
use serde::Serialize;

use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

use super::RepoParams;

#[derive(Serialize)]
pub struct Status {
    did: Did,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<Tid>,
}

pub async fn get_repo_status(
    cx: Cx<Anyone>,
    Params(params): Params<RepoParams>,
) -> Result<Json<Status>> {
    let account = cx.app.store.account(&params.did).await?;
    let account = account.ok_or_else(|| XrpcError::repo_not_found(&params.did))?;
    let rev = if account.is_active() {
        cx.app.store.head(account.id).await?.map(|head| head.rev)
    } else {
        None
    };
    Ok(Json(Status {
        did: params.did,
        active: account.is_active(),
        status: account.status().as_str(),
        rev,
    }))
}
