//! `app.bsky.feed.getTimeline`

use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::feed::{self, Page};
use super::{Patch, Unpatched, Viewer};
use crate::auth::Session;
use crate::xrpc::{Cx, Params, Result};

#[derive(Deserialize)]
pub struct GetTimeline {
    cursor: Option<String>,
}

pub async fn get_timeline(
    cx: Cx<Session>,
    Params(params): Params<GetTimeline>,
) -> Result<Response> {
    super::answer(&cx, Timeline { page: Page::of(params.cursor.as_ref()) }).await
}

struct Timeline {
    page: Page,
}

impl Patch for Timeline {
    async fn patch(&self, viewer: &Viewer<'_>, answer: &mut Value) -> Result<(), Unpatched> {
        let items = feed::items(answer)?;
        feed::insert(viewer, self.page, viewer.local.posts.iter(), items).await
    }
}
