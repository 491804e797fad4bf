//! `app.bsky.actor.getProfiles`

use axum::response::Response;
use serde_json::Value;

use super::{Patch, Unpatched, Viewer};
use crate::auth::Session;
use crate::xrpc::{Cx, Result};

pub async fn get_profiles(cx: Cx<Session>) -> Result<Response> {
    super::answer(&cx, Profiles).await
}

struct Profiles;

impl Patch for Profiles {
    async fn patch(&self, viewer: &Viewer<'_>, answer: &mut Value) -> Result<(), Unpatched> {
        let Some(profile) = &viewer.local.profile else { return Ok(()) };
        let profiles = answer.get_mut("profiles").and_then(Value::as_array_mut);
        for view in profiles.ok_or(Unpatched::Form("profiles"))? {
            if viewer.is_own(view) {
                viewer.update_detailed(view, &profile.record);
            }
        }
        Ok(())
    }
}
