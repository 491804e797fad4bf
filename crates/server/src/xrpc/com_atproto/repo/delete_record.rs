//! `com.atproto.repo.deleteRecord`

use cairn_model::{AtIdentifier, Cid, Nsid, RecordKey, RepoPath};
use cairn_oauth::scope::RepoAction;
use cairn_store::{RecordWrite, WriteAction, WriteRequest};
use serde::{Deserialize, Serialize};

use crate::auth::Session;
use crate::records::{CommitView, DELETE_POINTS};
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRecord {
    repo: AtIdentifier,
    collection: Nsid,
    rkey: RecordKey,
    swap_record: Option<Cid>,
    swap_commit: Option<Cid>,
}

#[derive(Serialize)]
pub struct Deleted {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<CommitView>,
}

/// A record that is not there is no error and makes no commit.
pub async fn delete_record(
    cx: Cx<Session>,
    Input(input): Input<DeleteRecord>,
) -> Result<Json<Deleted>> {
    let did = cx.own_repo(&input.repo)?.did.clone();
    cx.caller.check_repo(RepoAction::Delete, &input.collection)?;
    cx.charge_writes(&did, DELETE_POINTS)?;
    let path = RepoPath::new(&input.collection, &input.rkey);
    let action = WriteAction::Delete { swap: input.swap_record.map(Some), must_exist: false };
    let request = WriteRequest {
        account: did,
        writes: vec![RecordWrite { path, action }],
        swap_commit: input.swap_commit,
        dedupe: false,
    };
    let outcome = cx.app.store.write(request).await?;
    Ok(Json(Deleted { commit: outcome.commit.map(Into::into) }))
}
