//! `app.bsky.actor.putPreferences`

use serde::Deserialize;

use crate::accounts::preferences;
use crate::auth::Session;
use crate::records::RecordJson;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct PutPreferences {
    preferences: Vec<RecordJson>,
}

/// Replaces all preferences that the caller may see.
pub async fn put_preferences(cx: Cx<Session>, Input(input): Input<PutPreferences>) -> Result<()> {
    let offered = input.preferences.into_iter().map(|RecordJson(preference)| preference).collect();
    preferences::put(&cx.app.store, cx.caller.account.id, offered, cx.caller.is_full()).await
}
