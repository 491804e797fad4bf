//! Posts in feeds: where a post that the AppView does not know belongs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::local::LocalRecord;
use super::{Unpatched, Viewer};

/// Which part of a feed an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Everything that is newer belongs to it.
    First,
    /// What is newer than its first item stands on an earlier page.
    Later,
}

impl Page {
    pub(super) fn of(cursor: Option<&String>) -> Self {
        if cursor.is_some() { Self::Later } else { Self::First }
    }
}

/// The items of a feed.
pub(super) fn items(answer: &mut Value) -> Result<&mut Vec<Value>, Unpatched> {
    answer.get_mut("feed").and_then(Value::as_array_mut).ok_or(Unpatched::Form("feed"))
}

/// Puts posts where they belong by time. What is older than the last item belongs to a later page.
pub(super) async fn insert(
    viewer: &Viewer<'_>,
    page: Page,
    posts: impl Iterator<Item = &LocalRecord> + Send,
    items: &mut Vec<Value>,
) -> Result<(), Unpatched> {
    let mut times: Vec<Option<Timestamp>> = items.iter().map(time_of).collect::<Result<_, _>>()?;
    let newest = times.iter().flatten().next().copied();
    let oldest = times.iter().flatten().next_back().copied();
    let posts: Vec<&LocalRecord> = posts.collect();
    for post in posts {
        let at = post.written_at;
        let is_here = oldest.is_none_or(|oldest| at > oldest)
            && (page == Page::First || newest.is_some_and(|newest| at < newest));
        if !is_here || items.iter().any(|item| is_of(item, &post.uri)) {
            continue;
        }
        // Pinned posts have no time: they stay where they are.
        let place = times.iter().position(|time| time.is_some_and(|time| time < at));
        let place = place.unwrap_or(items.len());
        items.insert(place, json!({ "post": viewer.post(post).await? }));
        times.insert(place, Some(at));
    }
    Ok(())
}

fn is_of(item: &Value, uri: &str) -> bool {
    item.pointer("/post/uri").and_then(Value::as_str) == Some(uri) && item.get("reason").is_none()
}

/// When an item came into the feed: when it was reposted or written. None for one that is pinned.
fn time_of(item: &Value) -> Result<Option<Timestamp>, Unpatched> {
    let reason = item.get("reason");
    let kind = reason.and_then(|reason| reason.get("$type")).and_then(Value::as_str);
    if kind == Some("app.bsky.feed.defs#reasonPin") {
        return Ok(None);
    }
    let at = reason.and_then(|reason| reason.get("indexedAt"));
    let at = at.or_else(|| item.pointer("/post/indexedAt")).and_then(Value::as_str);
    let at = at.and_then(|at| at.parse().ok()).ok_or(Unpatched::Form("indexedAt"))?;
    Ok(Some(at))
}
