//! `com.atproto.repo.createRecord`

use std::iter;

use cairn_model::{AtIdentifier, Cid, Nsid, RecordKey};
use cairn_oauth::scope::RepoAction;
use cairn_store::{RecordWrite, WriteAction, WriteRequest};
use serde::Deserialize;

use crate::auth::Session;
use crate::records::{self, CREATE_POINTS, Draft, RecordJson, Schemas, Written};
use crate::xrpc::{Cx, Input, Json, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRecord {
    repo: AtIdentifier,
    collection: Nsid,
    rkey: Option<RecordKey>,
    validate: Option<bool>,
    record: RecordJson,
    swap_commit: Option<Cid>,
}

/// Interop: a follow, block, like or repost takes the place of an earlier one with the same subject, unless the caller
/// turned validation off; a key that exists is a 400.
pub async fn create_record(
    cx: Cx<Session>,
    Input(input): Input<CreateRecord>,
) -> Result<Json<Written>> {
    let did = cx.own_repo(&input.repo)?.did.clone();
    cx.caller.check_repo(RepoAction::Create, &input.collection)?;
    let rkey = input.rkey.unwrap_or_else(|| records::next_rkey(&cx.app));
    let draft = Draft {
        collection: input.collection,
        rkey,
        record: input.record.0,
        validate: input.validate,
    };
    cx.charge_writes(&did, CREATE_POINTS)?;
    let schemas = Schemas::find(&cx, draft.validate, iter::once(&draft.collection)).await?;
    let prepared = records::prepare(&schemas, draft)?;

    let (path, cid) = (prepared.path, prepared.record.cid);
    let request = WriteRequest {
        account: did.clone(),
        writes: vec![RecordWrite {
            path: path.clone(),
            action: WriteAction::Create(prepared.record),
        }],
        swap_commit: input.swap_commit,
        dedupe: input.validate != Some(false),
    };
    let outcome = cx.app.store.write(request).await?;
    Ok(Json(Written {
        uri: records::uri(&did, &path),
        cid,
        commit: outcome.commit.map(Into::into),
        validation_status: prepared.validation,
    }))
}
