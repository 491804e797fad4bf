//! `com.atproto.repo.getRecord`

use axum::response::{IntoResponse, Response};
use cairn_model::{AtIdentifier, Cid, Nsid, RecordKey, RepoPath};
use serde::Deserialize;

use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::proxy;
use crate::records::{Answer, public_repo, uri, write_record};
use crate::xrpc::{Cx, JsonText, Params, Result};

#[derive(Deserialize)]
pub struct GetRecord {
    repo: AtIdentifier,
    collection: Nsid,
    rkey: RecordKey,
    cid: Option<Cid>,
}

/// JSON of a record is about this much larger than its DAG-CBOR, with its address.
const OVERHEAD_BYTES: usize = 384;

/// The record as it is; an earlier version, by `cid`, is not kept.
///
/// The AppView knows of repositories that are not here, and of those that have moved away.
pub async fn get_record(cx: Cx<Anyone>, Params(params): Params<GetRecord>) -> Result<Response> {
    let account = match public_repo(&cx.app, params.repo).await {
        Ok(account) => account,
        Err(err) if err.status().is_client_error() => {
            let elsewhere = proxy::ask_appview(&cx.app, cx.endpoint.nsid, &cx.request).await?;
            return elsewhere.ok_or(err);
        }
        Err(err) => return Err(err),
    };
    let path = RepoPath::new(&params.collection, &params.rkey);
    let record = cx.app.store.record(account.id, &path).await?;
    let wanted = record.filter(|record| {
        record.takedown_ref.is_none() && params.cid.is_none_or(|cid| cid == record.cid)
    });
    let Some(record) = wanted else {
        return Err(XrpcError::named(
            "RecordNotFound",
            format!("Could not locate record: {}", uri(&account.did, &path)),
        ));
    };
    let mut answer = Answer::with_capacity(record.bytes.len() * 5 / 4 + OVERHEAD_BYTES);
    write_record(
        &mut answer,
        (&account.did, path.collection(), path.rkey()),
        &record.cid,
        &record.bytes,
    )?;
    Ok(JsonText(answer.into_bytes()).into_response())
}
