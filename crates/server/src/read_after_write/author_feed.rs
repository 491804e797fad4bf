//! `app.bsky.feed.getAuthorFeed`

use axum::response::Response;
use cairn_model::AtIdentifier;
use serde::Deserialize;
use serde_json::Value;

use super::feed::{self, Page};
use super::local::LocalRecord;
use super::{Patch, Unpatched, Viewer};
use crate::auth::Session;
use crate::xrpc::{Cx, Params, Result};

#[derive(Deserialize)]
pub struct GetAuthorFeed {
    actor: AtIdentifier,
    cursor: Option<String>,
    filter: Option<String>,
}

pub async fn get_author_feed(
    cx: Cx<Session>,
    Params(params): Params<GetAuthorFeed>,
) -> Result<Response> {
    let is_own = cx.own_repo(&params.actor).is_ok();
    let page = Page::of(params.cursor.as_ref());
    super::answer(&cx, AuthorFeed { is_own, page, filter: params.filter }).await
}

struct AuthorFeed {
    is_own: bool,
    page: Page,
    filter: Option<String>,
}

impl Patch for AuthorFeed {
    async fn patch(&self, viewer: &Viewer<'_>, answer: &mut Value) -> Result<(), Unpatched> {
        let items = feed::items(answer)?;
        update_authors(viewer, items);
        if !self.is_own {
            return Ok(());
        }
        let wanted = viewer.local.posts.iter().filter(|post| self.shows(viewer, post));
        feed::insert(viewer, self.page, wanted, items).await
    }
}

impl AuthorFeed {
    /// Whether the chosen part of an author's posts has this one.
    fn shows(&self, viewer: &Viewer<'_>, post: &LocalRecord) -> bool {
        let media = media(&post.record);
        match self.filter.as_deref() {
            None | Some("posts_with_replies") => true,
            Some("posts_no_replies") => post.reply_to("parent").is_none(),
            Some("posts_and_author_threads") => ["root", "parent"]
                .into_iter()
                .all(|which| post.reply_to(which).is_none_or(|uri| viewer.is_own_record(uri))),
            Some("posts_with_media") => matches!(
                media,
                "app.bsky.embed.images" | "app.bsky.embed.gallery" | "app.bsky.embed.video"
            ),
            Some("posts_with_video") => media == "app.bsky.embed.video",
            // A filter of later days: the AppView knows what it means.
            Some(_) => false,
        }
    }
}

/// The kind of what a post shows, beside a quoted record.
fn media(post: &Value) -> &str {
    let kind = |pointer| post.pointer(pointer).and_then(Value::as_str);
    kind("/embed/media/$type").or_else(|| kind("/embed/$type")).unwrap_or_default()
}

/// Brings the caller's name and picture up to date wherever they are the author.
pub(super) fn update_authors(viewer: &Viewer<'_>, items: &mut [Value]) {
    let Some(profile) = &viewer.local.profile else { return };
    for author in items.iter_mut().filter_map(|item| item.pointer_mut("/post/author")) {
        if viewer.is_own(author) {
            viewer.update_basic(author, &profile.record);
        }
    }
}
