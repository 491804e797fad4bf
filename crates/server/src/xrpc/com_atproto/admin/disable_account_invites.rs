//! `com.atproto.admin.disableAccountInvites` and `com.atproto.admin.enableAccountInvites`

use cairn_model::{AtIdentifier, Did};
use serde::Deserialize;

use crate::App;
use crate::accounts::administration;
use crate::auth::Moderator;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct AccountInvites {
    account: Did,
    note: Option<String>,
}

/// The account gets no more codes. Those that it has stay good.
pub async fn disable_account_invites(
    cx: Cx<Moderator>,
    Input(input): Input<AccountInvites>,
) -> Result<()> {
    set(&cx.app, &cx.caller, input, true).await
}

/// The account gets codes again.
pub async fn enable_account_invites(
    cx: Cx<Moderator>,
    Input(input): Input<AccountInvites>,
) -> Result<()> {
    set(&cx.app, &cx.caller, input, false).await
}

/// Interop: the reference implementation drops the note; here `getAccountInfo` shows that of the last call.
async fn set(app: &App, by: &Moderator, input: AccountInvites, disabled: bool) -> Result<()> {
    let account = super::account(app, AtIdentifier::Did(input.account)).await?;
    administration::set_invites_disabled(app, by, &account, disabled, input.note).await
}
