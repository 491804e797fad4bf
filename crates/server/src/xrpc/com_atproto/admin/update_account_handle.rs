//! `com.atproto.admin.updateAccountHandle`

use cairn_model::{AtIdentifier, Did};
use serde::Deserialize;

use crate::accounts::handle_policy::{self, Domain};
use crate::accounts::{administration, identity};
use crate::auth::{Admin, Moderator};
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct UpdateAccountHandle {
    did: Did,
    handle: String,
}

/// Operators may hand out reserved names and those with blocked words.
pub async fn update_account_handle(
    cx: Cx<Admin>,
    Input(input): Input<UpdateAccountHandle>,
) -> Result<()> {
    let account = super::account(&cx.app, AtIdentifier::Did(input.did)).await?;
    let (new, domain) = handle_policy::check(&input.handle, cx.app.config.handle_rules(), true)?;
    if domain == Domain::External {
        identity::require_handle_resolves(&cx.app, &new, &account.did).await?;
    }
    administration::change_handle(&cx.app, &Moderator::Admin, &account, &new).await
}
