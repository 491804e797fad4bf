//! `com.atproto.server.deactivateAccount`

use jiff::Timestamp;
use serde::Deserialize;

use crate::accounts::activation;
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeactivateAccount {
    delete_after: Option<String>,
}

pub async fn deactivate_account(
    cx: Cx<Session>,
    Input(input): Input<DeactivateAccount>,
) -> Result<()> {
    let delete_after = input.delete_after.as_deref().map(parse).transpose()?;
    if cx.caller.grant.is_some() && delete_after.is_some() {
        // What an app may do ends nothing for good.
        let message = "deleteAfter takes a session that was opened with the account's password";
        return Err(XrpcError::forbidden("Forbidden", message));
    }
    activation::deactivate(&cx.app, cx.text(), &cx.caller.account, delete_after).await?;
    // Whatever acts for the owner stops: an app did this, and the owner comes back by the password.
    if cx.caller.grant.is_some() {
        cx.app.store.revoke_clients(cx.caller.account.id).await?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<Timestamp> {
    text.parse()
        .map_err(|_| XrpcError::invalid_request("Invalid input: deleteAfter: must be a datetime"))
}
