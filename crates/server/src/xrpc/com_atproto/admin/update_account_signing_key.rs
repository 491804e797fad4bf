//! `com.atproto.admin.updateAccountSigningKey`

use cairn_identity::DidKey;
use cairn_model::{AtIdentifier, Did};
use serde::Deserialize;

use crate::accounts::acts::Action;
use crate::accounts::{administration, rotation};
use crate::auth::{Admin, Moderator};
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAccountSigningKey {
    did: Did,
    signing_key: Option<DidKey>,
}

/// The account signs with another key from here on, and its DID document says so.
///
/// Interop: the lexicon requires `signingKey`, and so a call of `reserveSigningKey` before this one. Without it, a key is
/// made here.
pub async fn update_account_signing_key(
    cx: Cx<Admin>,
    Input(input): Input<UpdateAccountSigningKey>,
) -> Result<()> {
    let account = super::account(&cx.app, AtIdentifier::Did(input.did.clone())).await?;
    rotation::rotate(&cx.app, &input.did, input.signing_key).await?;
    let did = account.did.as_str();
    administration::record(&cx.app, &Moderator::Admin, Action::UpdateSigningKey, did, []).await;
    Ok(())
}
