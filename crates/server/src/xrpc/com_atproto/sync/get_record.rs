//! `com.atproto.sync.getRecord`: a record with its proof, or the proof that there is none.

use cairn_model::{Did, Nsid, RecordKey, RepoPath};
use serde::Deserialize;

use crate::auth::RepoReader;
use crate::error::XrpcError;
use crate::xrpc::reply::Car;
use crate::xrpc::{Cx, Params, Result};

use super::access::readable;

#[derive(Deserialize)]
pub struct RecordParams {
    did: Did,
    collection: Nsid,
    rkey: RecordKey,
}

pub async fn get_record(cx: Cx<RepoReader>, Params(params): Params<RecordParams>) -> Result<Car> {
    let account = readable(&cx, &params.did).await?;
    let path = RepoPath::new(&params.collection, &params.rkey);
    let proof = cx.app.store.record_proof(account.id, &path).await?;
    proof.map(Car).ok_or_else(|| XrpcError::repo_not_found(&params.did))
}
