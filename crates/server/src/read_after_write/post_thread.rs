//! `app.bsky.feed.getPostThread`
//!
//! Own answers to a thread are put below what they answer to. A thread that begins with a post that the AppView does
//! not know at all is made here, and only what is above it comes from the AppView.

use axum::response::Response;
use cairn_model::AtUri;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::local::{self, LocalRecord};
use super::{Patch, Unpatched, Viewer};
use crate::auth::Session;
use crate::error::XrpcError;
use crate::proxy::{Buffered, Upstream};
use crate::xrpc::{Cx, Params, Result};

const THREAD_VIEW: &str = "app.bsky.feed.defs#threadViewPost";
const NSID: &str = "app.bsky.feed.getPostThread";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetPostThread {
    uri: AtUri,
    parent_height: Option<u32>,
}

pub async fn get_post_thread(
    cx: Cx<Session>,
    Params(params): Params<GetPostThread>,
) -> Result<Response> {
    let upstream = Upstream::of(&cx).await?;
    let reply = super::ask(&cx, &upstream).await?;
    let may_be_unknown = reply.status == StatusCode::BAD_REQUEST
        && reply.is_json()
        && cx.request.method == Method::GET;
    if !may_be_unknown {
        let rev = reply.repo_rev();
        return super::finish(&cx, &upstream, reply, rev, PostThread).await;
    }
    let local = local::unknown_to(&cx, reply.repo_rev()).await;
    let refusal = reply.buffer(&cx.app).await?;
    let Some(local) = local else { return refusal.into_response() };
    let viewer = Viewer::new(&cx, &upstream, &local);
    match own_thread(&viewer, &refusal, &params).await {
        Ok(Some(thread)) => Ok(super::respond(&cx, &refusal, &local, json!({ "thread": thread }))),
        Ok(None) => refusal.into_response(),
        Err(err) => {
            tracing::debug!(error = %err, "a thread that the AppView does not know");
            refusal.into_response()
        }
    }
}

struct PostThread;

impl Patch for PostThread {
    async fn patch(&self, viewer: &Viewer<'_>, answer: &mut Value) -> Result<(), Unpatched> {
        let thread = answer.get_mut("thread").ok_or(Unpatched::Form("thread"))?;
        Ok(insert_replies(viewer, thread).await?)
    }
}

/// The thread of a post that only this server knows; `None` if it is something else that the AppView refuses.
async fn own_thread(
    viewer: &Viewer<'_>,
    refusal: &Buffered,
    params: &GetPostThread,
) -> Result<Option<Value>> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let Refusal { error } = refusal.json().await?;
    let post = viewer.unknown_post(&params.uri).filter(|_| error == "NotFound");
    let Some(post) = post else { return Ok(None) };
    let mut thread = thread_view(viewer.post(post).await?);
    insert_replies(viewer, &mut thread).await?;
    if let Some(parent) = parents(viewer, post, params.parent_height).await?
        && let Some(thread) = thread.as_object_mut()
    {
        thread.insert("parent".into(), parent);
    }
    Ok(Some(thread))
}

/// What stands above a post: own posts as far as they are unknown, the rest as the AppView shows it.
async fn parents(
    viewer: &Viewer<'_>,
    post: &LocalRecord,
    height: Option<u32>,
) -> Result<Option<Value>> {
    let (own, above) = viewer.unknown_parents(post);
    let mut view = match above {
        Some(uri) => known_thread(viewer.upstream, uri, height).await?,
        None => None,
    };
    for parent in own.into_iter().rev() {
        let mut thread = Map::new();
        thread.insert("$type".into(), THREAD_VIEW.into());
        thread.insert("post".into(), viewer.post(parent).await?);
        if let Some(above) = view {
            thread.insert("parent".into(), above);
        }
        view = Some(Value::Object(thread));
    }
    Ok(view)
}

async fn known_thread(
    upstream: &Upstream<'_>,
    uri: &str,
    height: Option<u32>,
) -> Result<Option<Value>, XrpcError> {
    let height = height.map(|height| height.to_string());
    let mut params = vec![("uri", uri), ("depth", "0")];
    params.extend(height.as_deref().map(|height| ("parentHeight", height)));
    let mut found = upstream.query(NSID, &params).await?;
    Ok(found.as_mut().and_then(|found| found.get_mut("thread")).map(Value::take))
}

/// Puts own posts below what they answer to, the newest first.
async fn insert_replies(viewer: &Viewer<'_>, thread: &mut Value) -> Result<(), XrpcError> {
    let Some(root) = root(thread).map(str::to_owned) else { return Ok(()) };
    // Oldest first: an answer to an own answer finds its place.
    for post in &viewer.local.posts {
        let Some(parent) = post.reply_to("parent").filter(|_| post.reply_to("root") == Some(&root))
        else {
            continue;
        };
        if replies_of(thread, &post.uri).is_some() {
            continue;
        }
        let Some(above) = replies_of(thread, parent) else { continue };
        above.insert(0, thread_view(viewer.post(post).await?));
    }
    Ok(())
}

/// The address of the post that a thread began with.
fn root(thread: &Value) -> Option<&str> {
    let post = thread.get("post")?;
    let root = post.get("record").and_then(|record| local::reply_to(record, "root"));
    root.or_else(|| post.get("uri")?.as_str())
}

/// The answers to a post, somewhere in a thread.
fn replies_of<'a>(thread: &'a mut Value, uri: &str) -> Option<&'a mut Vec<Value>> {
    if thread.pointer("/post/uri").and_then(Value::as_str) == Some(uri) {
        let replies = thread.as_object_mut()?.entry("replies").or_insert_with(|| json!([]));
        return replies.as_array_mut();
    }
    let replies = thread.get_mut("replies")?.as_array_mut()?;
    replies.iter_mut().find_map(|reply| replies_of(reply, uri))
}

fn thread_view(post: Value) -> Value {
    json!({ "$type": THREAD_VIEW, "post": post, "replies": [] })
}
