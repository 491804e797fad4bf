//! `app.bsky.actor.putPreferences`

use crate::accounts::preferences::Preferences;
use crate::auth::Session;
use crate::xrpc::{Cx, Input, Result};

/// Replaces all preferences that the caller may see.
pub async fn put_preferences(cx: Cx<Session>, Input(input): Input<Preferences>) -> Result<()> {
    input.put(&cx.app.store, cx.caller.account.id, cx.caller.is_full()).await
}
