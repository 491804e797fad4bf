//! Read-after-write: views of the AppView with what the caller has written and the AppView does not know yet.
//!
//! The AppView says in `atproto-repo-rev` how far it has followed the caller's repository. If there are profile changes
//! or posts after that, they are put into its answer: [`local`] reads them, [`viewer`] and [`embeds`] turn them into
//! views, and there is one module per method. Whatever goes wrong on the way, the AppView's answer stands as it came.

pub mod actor_likes;
pub mod author_feed;
mod embeds;
mod feed;
mod local;
pub mod post_thread;
pub mod post_thread_v2;
pub mod profile;
pub mod profiles;
pub mod timeline;
mod viewer;

use std::future::Future;

use axum::response::{IntoResponse, Response};
use cairn_model::{Nsid, Tid};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use crate::auth::Session;
use crate::error::XrpcError;
use crate::proxy::{
    Buffered, CONTENT_LABELERS, Coding, Forward, OutgoingBody, REPO_REV, Reply, Upstream,
};
use crate::xrpc::{Cx, Json, Result};

use self::local::LocalRecords;
use self::viewer::Viewer;

/// How long the oldest record that was put in has been waiting for the AppView, in milliseconds.
const UPSTREAM_LAG: HeaderName = HeaderName::from_static("atproto-upstream-lag");

/// Why an answer is left as it came.
#[derive(Debug, thiserror::Error)]
enum Unpatched {
    /// The answer has not the form that the method's lexicon gives it.
    #[error("the answer has no usable {0}")]
    Form(&'static str),
    #[error(transparent)]
    Upstream(#[from] XrpcError),
}

/// Puts local records into the answer of one method.
trait Patch: Sync {
    fn patch(
        &self,
        viewer: &Viewer<'_>,
        answer: &mut Value,
    ) -> impl Future<Output = Result<(), Unpatched>> + Send;
}

/// Asks the AppView and puts in what it does not know.
async fn answer(cx: &Cx<Session>, patch: impl Patch) -> Result<Response> {
    let upstream = Upstream::of(cx).await?;
    let reply = ask(cx, &upstream).await?;
    let rev = reply.repo_rev();
    finish(cx, &upstream, reply, rev, patch).await
}

async fn ask(cx: &Cx<Session>, upstream: &Upstream<'_>) -> Result<Reply> {
    let lxm = Nsid::parse(cx.endpoint.nsid).map_err(XrpcError::internal)?;
    let call = Forward {
        nsid: cx.endpoint.nsid,
        audience: &upstream.target.did,
        lxm: &lxm,
        coding: Coding::Unpackable,
        body: OutgoingBody::None,
    };
    upstream.forward(call).await
}

/// `rev` is how far the AppView has followed the caller's repository.
async fn finish(
    cx: &Cx<Session>,
    upstream: &Upstream<'_>,
    reply: Reply,
    rev: Option<Tid>,
    patch: impl Patch,
) -> Result<Response> {
    let is_patchable =
        cx.request.method == Method::GET && reply.status == StatusCode::OK && reply.is_json();
    let local = if is_patchable { local::unknown_to(cx, rev).await } else { None };
    let Some(local) = local else { return reply.into_response(&cx.app) };
    let original = reply.buffer(&cx.app).await?;
    let viewer = Viewer::new(cx, upstream, &local);
    match patched(&viewer, &original, &patch).await {
        Ok(json) => Ok(respond(cx, &original, &local, json)),
        Err(err) => {
            tracing::debug!(method = cx.endpoint.nsid, error = %err, "an answer is left as it came");
            original.into_response()
        }
    }
}

async fn patched(
    viewer: &Viewer<'_>,
    original: &Buffered,
    patch: &impl Patch,
) -> Result<Value, Unpatched> {
    let mut json = original.json().await?;
    patch.patch(viewer, &mut json).await?;
    Ok(json)
}

fn respond(cx: &Cx<Session>, original: &Buffered, local: &LocalRecords, json: Value) -> Response {
    let mut response = Json(json).into_response();
    let headers = response.headers_mut();
    for name in [REPO_REV, CONTENT_LABELERS, header::CONTENT_LANGUAGE] {
        if let Some(value) = original.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(UPSTREAM_LAG, HeaderValue::from(local.lag_ms(cx.app.clock.now())));
    response
}
