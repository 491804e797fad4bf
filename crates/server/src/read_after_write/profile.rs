//! `app.bsky.actor.getProfile`

use axum::response::Response;
use serde_json::Value;

use super::{Patch, Unpatched, Viewer};
use crate::auth::Session;
use crate::xrpc::{Cx, Result};

pub async fn get_profile(cx: Cx<Session>) -> Result<Response> {
    super::answer(&cx, Profile).await
}

struct Profile;

impl Patch for Profile {
    async fn patch(&self, viewer: &Viewer<'_>, answer: &mut Value) -> Result<(), Unpatched> {
        if let Some(profile) = &viewer.local.profile
            && viewer.is_own(answer)
        {
            viewer.update_detailed(answer, &profile.record);
        }
        Ok(())
    }
}
