//! `com.atproto.server.resetPassword`

use serde::Deserialize;

use crate::accounts::{mailing, password};
use crate::auth::Anyone;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct ResetPassword {
    token: String,
    password: String,
}

/// Ends all sessions of the account that the token was mailed to.
pub async fn reset_password(cx: Cx<Anyone>, Input(input): Input<ResetPassword>) -> Result<()> {
    let hash = password::hash(&cx.app, &input.password).await?;
    cx.app.store.reset_password(&input.token, hash).await.map_err(mailing::refused)?;
    Ok(())
}
