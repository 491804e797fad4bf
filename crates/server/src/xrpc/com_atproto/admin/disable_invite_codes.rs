//! `com.atproto.admin.disableInviteCodes`

use serde::Deserialize;

use crate::accounts::administration;
use crate::auth::Moderator;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct DisableInviteCodes {
    #[serde(default)]
    codes: Vec<String>,
    /// DIDs; all codes of theirs.
    #[serde(default)]
    accounts: Vec<String>,
}

/// Names that no code and no account has are passed over.
pub async fn disable_invite_codes(
    cx: Cx<Moderator>,
    Input(input): Input<DisableInviteCodes>,
) -> Result<()> {
    administration::disable_invites(&cx.app, &cx.caller, input.codes, input.accounts).await
}
