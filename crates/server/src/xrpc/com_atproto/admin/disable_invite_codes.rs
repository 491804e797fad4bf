//! `com.atproto.admin.disableInviteCodes`

use serde::Deserialize;

use crate::auth::Moderator;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

/// Whose codes belong to the operator.
const OPERATOR: &str = "admin";

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
    if input.accounts.iter().any(|account| account == OPERATOR) {
        return Err(XrpcError::invalid_request("cannot disable admin invite codes"));
    }
    cx.app.store.disable_invite_codes(input.codes, input.accounts).await?;
    Ok(())
}
