//! `com.atproto.server.deleteAccount`

use cairn_model::Did;
use cairn_store::MailPurpose;
use serde::Deserialize;

use crate::accounts::{mailing, password, removal};
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
    let store = &cx.app.store;
    let account = store.account(&input.did).await?;
    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let is_owner = password::verify(&cx.app, &input.password, stored).await?;
    let account = account
        .filter(|_| is_owner)
        .ok_or_else(|| XrpcError::auth_required("Invalid did or password"))?;
    store
        .check_mail_token(account.id, MailPurpose::DeleteAccount, &input.token)
        .await
        .map_err(mailing::refused)?;
    removal::delete(&cx.app, &account).await
}
