//! `com.atproto.admin.disableAccountInvites` and `com.atproto.admin.enableAccountInvites`

use cairn_model::{AtIdentifier, Did};
use serde::Deserialize;

use crate::App;
use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

/// A note is for moderators to read, beside other things of the account.
const MAX_NOTE_CHARS: usize = 2_000;

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
    set(&cx.app, input, true).await
}

/// The account gets codes again.
pub async fn enable_account_invites(
    cx: Cx<Moderator>,
    Input(input): Input<AccountInvites>,
) -> Result<()> {
    set(&cx.app, input, false).await
}

/// Interop: the reference implementation drops the note; here `getAccountInfo` shows that of the last call.
async fn set(app: &App, input: AccountInvites, disabled: bool) -> Result<()> {
    if input.note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE_CHARS) {
        let message = format!("note is too long (at most {MAX_NOTE_CHARS} characters)");
        return Err(XrpcError::invalid_request(message));
    }
    let account = super::account(app, AtIdentifier::Did(input.account)).await?;
    app.store.set_invites_disabled(account.id, disabled, input.note).await?;
    Ok(())
}
