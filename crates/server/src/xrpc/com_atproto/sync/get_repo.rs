//! `com.atproto.sync.getRepo`: a whole repository, or what is new since a revision, as a CAR stream.
//!
//! The stream is in the specification's streamable order, and says so when it is whole.
//! Spec: <https://atproto.com/specs/repository#car-file-serialization>.

use axum::body::Body;
use axum::response::Response;
use cairn_model::{Did, Tid};
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;

use crate::accounts::export::car;
use crate::auth::RepoReader;
use crate::error::XrpcError;
use crate::xrpc::reply::CAR;
use crate::xrpc::{Cx, Params, Result};

use super::access::readable;

const BLOCK_ORDER: HeaderName = HeaderName::from_static("atproto-car-block-order");

#[derive(Deserialize)]
pub struct ExportParams {
    did: Did,
    since: Option<Tid>,
}

pub async fn get_repo(
    cx: Cx<RepoReader>,
    Params(params): Params<ExportParams>,
) -> Result<Response> {
    export(&cx, &params.did, params.since).await
}

/// The repository of `did` as a response.
pub(super) async fn export(cx: &Cx<RepoReader>, did: &Did, since: Option<Tid>) -> Result<Response> {
    let account = readable(cx, did).await?;
    let export = cx.app.store.export(account.id, since).await?;
    let export = export.ok_or_else(|| XrpcError::repo_not_found(did))?;
    let mut response = Response::new(Body::from_stream(car(export)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CAR);
    if since.is_none() {
        headers.insert(BLOCK_ORDER, HeaderValue::from_static("mst-preorder"));
    }
    Ok(response)
}
