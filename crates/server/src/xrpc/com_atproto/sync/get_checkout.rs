//! `com.atproto.sync.getCheckout`: `getRepo` under its former name. Deprecated, but asked for.

use axum::response::Response;

use crate::auth::RepoReader;
use crate::xrpc::{Cx, Params, Result};

use super::RepoParams;
use super::get_repo::export;

pub async fn get_checkout(
    cx: Cx<RepoReader>,
    Params(params): Params<RepoParams>,
) -> Result<Response> {
    export(&cx, &params.did, None).await
}
