//! `com.atproto.identity.submitPlcOperation`

use cairn_identity::DidKey;
use cairn_identity::plc::{Operation, PlcOperation, PlcService};
use cairn_store::{Account, NoAccount};
use serde::Deserialize;

use super::get_recommended_did_credentials::pds_service;
use crate::accounts::identity::{self, account_key};
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct SubmitPlcOperation {
    operation: Operation,
}

/// Why an operation would leave the account unable to live here.
#[derive(Debug, thiserror::Error)]
enum UnfitError {
    #[error("Invalid operation")]
    Kind,
    #[error("Rotation keys do not include server's rotation key")]
    RotationKey,
    #[error("Incorrect type or endpoint on atproto_pds service")]
    Service,
    #[error("Incorrect signing key")]
    SigningKey,
    #[error("Incorrect handle in alsoKnownAs")]
    Handle,
}

/// Hands the operation to the directory and tells the network to look again. It can be repeated.
pub async fn submit_plc_operation(
    cx: Cx<Session>,
    Input(input): Input<SubmitPlcOperation>,
) -> Result<()> {
    let _turn = cx.app.identity_turns.take(cx.caller.did()).await;
    // A change before this one may have given the account another handle.
    let account = cx.app.store.account(cx.caller.did()).await?.ok_or(NoAccount)?;
    let key = account_key(&cx.app, &account.did).await?;
    let rotation_key = cx.app.rotation_key.did_key();
    check(&input.operation, &account, &rotation_key, &key, &pds_service(&cx.app))
        .map_err(|err| XrpcError::invalid_request(err.to_string()))?;
    identity::submit(&cx.app, &account.did, &input.operation).await
}

fn check(
    operation: &Operation,
    account: &Account,
    rotation_key: &DidKey,
    signing_key: &DidKey,
    pds: &PlcService,
) -> std::result::Result<(), UnfitError> {
    let Operation::Plc(operation) = operation else { return Err(UnfitError::Kind) };
    let PlcOperation { rotation_keys, verification_methods, also_known_as, services, .. } =
        operation;
    if !rotation_keys.iter().any(|key| key == rotation_key.as_str()) {
        return Err(UnfitError::RotationKey);
    }
    if services.get("atproto_pds") != Some(pds) {
        return Err(UnfitError::Service);
    }
    if verification_methods.get("atproto").map(String::as_str) != Some(signing_key.as_str()) {
        return Err(UnfitError::SigningKey);
    }
    if let Some(handle) = &account.handle
        && also_known_as.first().and_then(|alias| alias.strip_prefix("at://"))
            != Some(handle.as_str())
    {
        return Err(UnfitError::Handle);
    }
    Ok(())
}
