//! `com.atproto.repo.putRecord`

use std::iter;

use cairn_model::{AtIdentifier, Cid, Nsid, RecordKey};
use cairn_oauth::scope::RepoAction;
use cairn_store::{RecordWrite, WriteAction, WriteRequest};
use serde::Deserialize;

use crate::auth::Session;
use crate::records::{self, Draft, RecordJson, Schemas, UPDATE_POINTS, Written, swap_record};
use crate::xrpc::{Cx, Input, Json, Result};

/// Its pictures may still be referred to as in 2022.
const PROFILE: &str = "app.bsky.actor.profile";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRecord {
    repo: AtIdentifier,
    collection: Nsid,
    rkey: RecordKey,
    validate: Option<bool>,
    record: RecordJson,
    #[serde(default, deserialize_with = "swap_record")]
    swap_record: Option<Option<Cid>>,
    swap_commit: Option<Cid>,
}

/// Creates or updates. A record that is there already, byte for byte, makes no commit.
pub async fn put_record(
    cx: Cx<Session>,
    Input(mut input): Input<PutRecord>,
) -> Result<Json<Written>> {
    let account = cx.own_repo(&input.repo)?;
    let did = account.did.clone();
    // Which of the two it will be is not known before.
    cx.caller.check_repo(RepoAction::Create, &input.collection)?;
    cx.caller.check_repo(RepoAction::Update, &input.collection)?;
    if input.collection == PROFILE {
        records::upgrade_pictures(&cx.app, account.id, &mut input.record.0).await?;
    }
    let draft = Draft {
        collection: input.collection,
        rkey: input.rkey,
        record: input.record.0,
        validate: input.validate,
    };
    cx.charge_writes(&did, UPDATE_POINTS)?;
    let schemas = Schemas::find(&cx, draft.validate, iter::once(&draft.collection)).await?;
    let prepared = records::prepare(&schemas, draft)?;

    let (path, cid) = (prepared.path, prepared.record.cid);
    let action = WriteAction::Put { record: prepared.record, swap: input.swap_record };
    let request = WriteRequest {
        account: did.clone(),
        writes: vec![RecordWrite { path: path.clone(), action }],
        swap_commit: input.swap_commit,
        dedupe: false,
    };
    let outcome = cx.app.store.write(request).await?;
    Ok(Json(Written {
        uri: records::uri(&did, &path),
        cid,
        commit: outcome.commit.map(Into::into),
        validation_status: prepared.validation,
    }))
}
