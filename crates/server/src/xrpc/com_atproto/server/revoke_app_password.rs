//! `com.atproto.server.revokeAppPassword`

use serde::Deserialize;

use crate::accounts::session;
use crate::auth::Session;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct RevokeAppPassword {
    name: String,
}

/// Ends the app password's sessions too. A name that does not exist is no error.
pub async fn revoke_app_password(
    cx: Cx<Session>,
    Input(input): Input<RevokeAppPassword>,
) -> Result<()> {
    let (account, client) = (cx.caller.account.id, session::client_of(&cx));
    cx.app.store.revoke_app_password(account, input.name.trim(), client).await?;
    Ok(())
}
