//! `com.atproto.repo.describeRepo`

use cairn_model::{AtIdentifier, Did, Nsid};
use serde::{Deserialize, Serialize};

use crate::accounts::identity::shown_handle;
use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::records::public_repo;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct DescribeRepo {
    repo: AtIdentifier,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    handle: String,
    did: Did,
    did_doc: serde_json::Value,
    collections: Vec<Nsid>,
    handle_is_correct: bool,
}

pub async fn describe_repo(
    cx: Cx<Anyone>,
    Params(params): Params<DescribeRepo>,
) -> Result<Json<Description>> {
    let account = public_repo(&cx.app, params.repo).await?;
    let document = cx.app.resolver.did(&account.did, false).await;
    let document =
        document.map_err(|err| XrpcError::invalid_request("Could not resolve DID").because(err))?;
    let collections = cx.app.store.collections(account.id).await?;
    Ok(Json(Description {
        handle: shown_handle(&account),
        did: account.did.clone(),
        handle_is_correct: account.handle.is_some() && document.handle() == account.handle,
        did_doc: document.as_json().clone(),
        collections,
    }))
}
