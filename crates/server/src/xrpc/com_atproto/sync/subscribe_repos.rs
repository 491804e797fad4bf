//! `com.atproto.sync.subscribeRepos`: the firehose.

use axum::response::Response;
use serde::Deserialize;

use crate::auth::Anyone;
use crate::firehose;
use crate::xrpc::{Cx, Params, Result};

#[derive(Deserialize)]
pub struct FollowParams {
    /// The last event that the consumer has seen.
    cursor: Option<u64>,
}

pub async fn subscribe_repos(
    cx: Cx<Anyone>,
    Params(params): Params<FollowParams>,
) -> Result<Response> {
    firehose::follow(cx.app, cx.request, cx.client_ip, params.cursor).await
}
