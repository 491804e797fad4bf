//! `com.atproto.server.deleteAccount`

use cairn_model::Did;
use serde::Deserialize;

use crate::accounts::removal::Doubt;
use crate::accounts::{mailing, removal};
use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct DeleteAccount {
    did: Did,
    password: String,
    token: String,
}

/// Needs the account's own password and the token that was mailed to its owner.
pub async fn delete_account(cx: Cx<Anyone>, Input(input): Input<DeleteAccount>) -> Result<()> {
    let found = cx.app.store.account(&input.did).await?;
    let doubt = removal::doubt(&cx.app, found.as_deref(), &input.password, &input.token).await?;
    match (doubt, found) {
        (Some(Doubt::Code(err)), _) => Err(mailing::refused(err)),
        (Some(Doubt::Password), _) | (None, None) => {
            Err(XrpcError::auth_required("Invalid did or password"))
        }
        (None, Some(account)) => removal::delete(&cx.app, &account).await,
    }
}
