//! `app.bsky.feed.getActorLikes`

use axum::response::Response;
use serde_json::Value;

use super::author_feed::update_authors;
use super::{Patch, Unpatched, Viewer, feed};
use crate::auth::Session;
use crate::xrpc::{Cx, Result};

pub async fn get_actor_likes(cx: Cx<Session>) -> Result<Response> {
    super::answer(&cx, ActorLikes).await
}

struct ActorLikes;

impl Patch for ActorLikes {
    async fn patch(&self, viewer: &Viewer<'_>, answer: &mut Value) -> Result<(), Unpatched> {
        update_authors(viewer, feed::items(answer)?);
        Ok(())
    }
}
