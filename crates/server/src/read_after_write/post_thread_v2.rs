//! `app.bsky.unspecced.getPostThreadV2`
//!
//! A thread as a flat list: what is above the anchor, the anchor at depth 0, then each answer followed by the answers to it. Own
//! answers are put below what they answer to; where the AppView does not know the anchor itself, it is made here.
//!
//! Interop: the AppView does not say with this method how far it has followed the repository. It is asked for that when
//! the caller has posted lately, and beside the thread, which waits a second for it at most.

use std::pin::pin;
use std::time::Duration;

use axum::response::Response;
use cairn_model::{AtUri, Nsid, Tid};
use futures_util::future::{Either, select};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::local::{self, LocalRecord};
use super::{Patch, Unpatched, Viewer};
use crate::auth::Session;
use crate::error::XrpcError;
use crate::proxy::Upstream;
use crate::xrpc::{Cx, Params, Result};

const NSID: &str = "app.bsky.unspecced.getPostThreadV2";
const ITEM_POST: &str = "app.bsky.unspecced.defs#threadItemPost";
const NOT_FOUND: &str = "app.bsky.unspecced.defs#threadItemNotFound";
/// An AppView that is further behind shows its thread as it is.
const LATELY_MICROS: u64 = 10 * 60 * 1_000_000;
/// How long a thread waits for the answer to how far the AppView is.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
pub struct GetPostThreadV2 {
    anchor: AtUri,
    above: Option<bool>,
    below: Option<u32>,
    sort: Option<String>,
}

pub async fn get_post_thread_v2(
    cx: Cx<Session>,
    Params(params): Params<GetPostThreadV2>,
) -> Result<Response> {
    let upstream = Upstream::of(&cx).await?;
    let (asked, followed) = (pin!(super::ask(&cx, &upstream)), pin!(followed(&cx, &upstream)));
    let (reply, rev) = match select(asked, followed).await {
        Either::Left((reply, followed)) => {
            let reply = reply?;
            let rev = match reply.repo_rev() {
                None => timeout(PATIENCE, followed).await.unwrap_or_default(),
                rev => rev,
            };
            (reply, rev)
        }
        Either::Right((rev, asked)) => {
            let reply = asked.await?;
            let rev = reply.repo_rev().or(rev);
            (reply, rev)
        }
    };
    super::finish(&cx, &upstream, reply, rev, Thread { params }).await
}

/// How far the AppView has followed the repository of a caller who has posted lately.
async fn followed(cx: &Cx<Session>, upstream: &Upstream<'_>) -> Option<Tid> {
    let asked = async {
        let posts = Nsid::parse(local::POST).map_err(XrpcError::internal)?;
        let last = cx.app.store.last_rev(cx.caller.account.id, posts).await?;
        let long_ago = cx.app.now_micros().saturating_sub(LATELY_MICROS);
        let is_recent = |last: Tid| last.micros() > long_ago;
        if last.is_some_and(is_recent) { upstream.repo_rev().await } else { Ok(None) }
    };
    asked.await.unwrap_or_else(|err: XrpcError| {
        tracing::debug!(error = %err, "how far an AppView has followed");
        None
    })
}

struct Thread {
    params: GetPostThreadV2,
}

impl Patch for Thread {
    async fn patch(&self, viewer: &Viewer<'_>, answer: &mut Value) -> Result<(), Unpatched> {
        let items = answer.get_mut("thread").and_then(Value::as_array_mut);
        let items = items.ok_or(Unpatched::Form("thread"))?;
        if let Some(post) = self.unknown_anchor(viewer, items) {
            *items = self.made(viewer, post).await?;
        }
        Ok(self.insert_replies(viewer, items).await?)
    }
}

impl Thread {
    /// The anchor, where it is a post of the caller that the AppView does not know.
    fn unknown_anchor<'a>(&self, viewer: &Viewer<'a>, items: &[Value]) -> Option<&'a LocalRecord> {
        let is_unknown = items.iter().any(|item| depth(item) == Some(0) && kind(item) == NOT_FOUND);
        viewer.unknown_post(&self.params.anchor).filter(|_| is_unknown)
    }

    /// A thread that begins with a post that only this server knows.
    async fn made(&self, viewer: &Viewer<'_>, anchor: &LocalRecord) -> Result<Vec<Value>> {
        let (mut chain, mut above) = (vec![anchor], None);
        if self.params.above.unwrap_or(true) {
            let (own, known) = viewer.unknown_parents(anchor);
            chain.extend(own);
            above = known;
        }
        let count = i64::try_from(chain.len()).map_err(XrpcError::internal)?;
        let mut items = match above {
            Some(known) => known_thread(viewer.upstream, known, count).await?,
            None => Vec::new(),
        };
        let highest = chain.last().copied().unwrap_or(anchor);
        let is_opening = match items.last() {
            Some(above) => is_continued(viewer, above),
            None => ["root", "parent"].into_iter().all(|which| {
                highest.reply_to(which).is_none_or(|above| viewer.is_own_record(above))
            }),
        };
        for (post, depth) in chain.into_iter().rev().zip(1 - count..) {
            items.push(item(viewer, post, depth, is_opening).await?);
        }
        Ok(items)
    }

    async fn insert_replies(&self, viewer: &Viewer<'_>, items: &mut Vec<Value>) -> Result<()> {
        let Some(root) = root(items).map(str::to_owned) else { return Ok(()) };
        let deepest = i64::from(self.params.below.unwrap_or(6));
        // Oldest first: an answer to an own answer finds its place.
        for post in &viewer.local.posts {
            let Some(parent) =
                post.reply_to("parent").filter(|_| post.reply_to("root") == Some(&root))
            else {
                continue;
            };
            if position(items, &post.uri).is_some() {
                continue;
            }
            let place = position(items, parent).and_then(|at| Some((at, items.get(at)?)));
            let Some((at, above)) = place else { continue };
            let Some(own_depth) = depth(above).and_then(|above| above.checked_add(1)) else {
                continue;
            };
            // Above the anchor, only what leads to it is shown.
            if !(1..=deepest).contains(&own_depth) {
                continue;
            }
            let is_opening = is_continued(viewer, above);
            let place = self.place(viewer, items, at);
            items.insert(place, item(viewer, post, own_depth, is_opening).await?);
        }
        Ok(())
    }

    /// Where a new answer to the item at `at` stands. However a thread is sorted, its author's answers come first, then those of
    /// whoever looks at it.
    fn place(&self, viewer: &Viewer<'_>, items: &[Value], at: usize) -> usize {
        let author = thread_author(items);
        let is_first = |item: &Value| {
            let by = author_of(item);
            by.is_some() && by == author && by != Some(viewer.did())
        };
        let is_own = |item: &Value| author_of(item) == Some(viewer.did());
        let is_oldest = self.params.sort.as_deref().is_none_or(|sort| sort == "oldest");
        let mut place = at + 1;
        while let Some(item) = items.get(place)
            && depth(item) > items.get(at).and_then(depth)
            && (is_first(item) || is_oldest && is_own(item))
        {
            place = end_of_branch(items, place);
        }
        place
    }
}

/// A known post and what is above it, as it stands `distance` above the anchor.
async fn known_thread(upstream: &Upstream<'_>, uri: &str, distance: i64) -> Result<Vec<Value>> {
    let params = [("anchor", uri), ("above", "true"), ("below", "0")];
    let mut found = upstream.query(NSID, &params).await?;
    let items = found.as_mut().and_then(|found| found.get_mut("thread")).map(Value::take);
    let Some(Value::Array(mut items)) = items else { return Ok(Vec::new()) };
    items.retain(|item| depth(item).is_some_and(|depth| depth <= 0));
    for item in &mut items {
        let depth = depth(item).unwrap_or_default().saturating_sub(distance);
        if let Some(item) = item.as_object_mut() {
            item.insert("depth".to_owned(), depth.into());
        }
    }
    Ok(items)
}

/// `app.bsky.unspecced.getPostThreadV2#threadItem`. `is_opening`: whether it belongs to what the thread's author has begun it with.
async fn item(
    viewer: &Viewer<'_>,
    post: &LocalRecord,
    depth: i64,
    is_opening: bool,
) -> Result<Value> {
    Ok(json!({
        "uri": post.uri,
        "depth": depth,
        "value": {
            "$type": ITEM_POST,
            "post": viewer.post(post).await?,
            "moreParents": false,
            "moreReplies": 0,
            "opThread": is_opening,
            "hiddenByThreadgate": false,
            "mutedByViewer": false,
        },
    }))
}

fn depth(item: &Value) -> Option<i64> {
    item.get("depth")?.as_i64()
}

fn kind(item: &Value) -> &str {
    item.pointer("/value/$type").and_then(Value::as_str).unwrap_or_default()
}

/// Whether an own answer to this item belongs to what the thread's author has begun it with.
fn is_continued(viewer: &Viewer<'_>, above: &Value) -> bool {
    let is_opening = above.pointer("/value/opThread").and_then(Value::as_bool);
    let author = above.pointer("/value/post/author");
    is_opening.unwrap_or_default() && author.is_some_and(|author| viewer.is_own(author))
}

fn position(items: &[Value], uri: &str) -> Option<usize> {
    items.iter().position(|item| item.get("uri").and_then(Value::as_str) == Some(uri))
}

/// Where the answers to the item at `at`, and the answers to those, end.
fn end_of_branch(items: &[Value], at: usize) -> usize {
    let above = items.get(at).and_then(depth);
    let below = items.iter().skip(at + 1).take_while(|item| depth(item) > above);
    at + 1 + below.count()
}

fn author_of(item: &Value) -> Option<&str> {
    item.pointer("/value/post/author/did").and_then(Value::as_str)
}

/// The DID in the address of the post that a thread began with.
fn thread_author(items: &[Value]) -> Option<&str> {
    root(items)?.strip_prefix("at://")?.split('/').next()
}

/// The address of the post that a thread began with.
fn root(items: &[Value]) -> Option<&str> {
    let anchor = items.iter().find(|item| depth(item) == Some(0))?;
    let record = anchor.pointer("/value/post/record")?;
    local::reply_to(record, "root").or_else(|| anchor.get("uri")?.as_str())
}
