//! `com.atproto.identity.signPlcOperation`

use std::collections::BTreeMap;

use cairn_identity::plc::{Operation, PlcData, PlcService, check_made};
use cairn_store::MailPurpose;
use serde::{Deserialize, Serialize};

use crate::accounts::identity::check_rotation_key;
use crate::accounts::mailing;
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Input, Json, Result};

/// What is absent stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignPlcOperation {
    token: Option<String>,
    rotation_keys: Option<Vec<String>>,
    also_known_as: Option<Vec<String>>,
    verification_methods: Option<BTreeMap<String, String>>,
    services: Option<BTreeMap<String, PlcService>>,
}

#[derive(Serialize)]
pub struct Signed {
    operation: Operation,
}

/// Signs with the server's rotation key, for whoever reads the account's mail.
///
/// Interop: the reference implementation spends the token before it looks at the rest; here an operation that the
/// directory would refuse leaves it usable.
pub async fn sign_plc_operation(
    cx: Cx<Session>,
    Input(input): Input<SignPlcOperation>,
) -> Result<Json<Signed>> {
    let account = &cx.caller.account;
    let token = input.token.as_deref();
    let token = token.ok_or_else(|| {
        XrpcError::invalid_request("email confirmation token required to sign PLC operations")
    })?;
    let store = &cx.app.store;
    store
        .check_mail_token(account.id, MailPurpose::PlcOperation, token)
        .await
        .map_err(mailing::refused)?;

    let last = cx.app.plc.get_last_op(&account.did).await?;
    let data = PlcData::of(&account.did, &last)
        .ok_or_else(|| XrpcError::invalid_request("Did is tombstoned"))?;
    // Otherwise the directory takes nothing that is signed here.
    check_rotation_key(&data, &cx.app.rotation_key.did_key())?;
    let mut next = data.next_operation(last.cid());
    next.rotation_keys = input.rotation_keys.unwrap_or(next.rotation_keys);
    next.also_known_as = input.also_known_as.unwrap_or(next.also_known_as);
    next.verification_methods = input.verification_methods.unwrap_or(next.verification_methods);
    next.services = input.services.unwrap_or(next.services);
    let operation = next.sign(&cx.app.rotation_key);
    check_made(&operation)
        .map_err(|err| XrpcError::invalid_request(format!("Invalid operation: {err}")))?;

    store
        .use_mail_token(account.id, MailPurpose::PlcOperation, token)
        .await
        .map_err(mailing::refused)?;
    Ok(Json(Signed { operation }))
}
