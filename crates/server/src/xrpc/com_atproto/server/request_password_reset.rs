//! `com.atproto.server.requestPasswordReset`

use serde::Deserialize;

use crate::accounts::{identifier, mailing};
use crate::auth::Anyone;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct RequestPasswordReset {
    email: String,
}

/// Interop: the reference implementation answers 400 for an address without an account. Here the answer, and the time
/// that it takes, is the same: the mail goes out afterwards.
pub async fn request_password_reset(
    cx: Cx<Anyone>,
    Input(input): Input<RequestPasswordReset>,
) -> Result<()> {
    let email = identifier::canonical(&input.email);
    if email.contains('@') {
        mailing::send_reset_token(&cx.app, cx.text(), &email).await?;
    }
    Ok(())
}
