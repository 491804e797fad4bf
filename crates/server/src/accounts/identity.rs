//! An account and its DID document: do they agree, and what others are told.

use std::time::Duration;

use cairn_identity::plc::{Operation, PlcData};
use cairn_identity::{DidDocument, DidKey, PlcClientError, SigningKey};
use cairn_model::{Did, Handle};
use cairn_store::{Account, NoAccount};
use tokio::time::timeout;

use crate::App;
use crate::error::XrpcError;

use super::handle_policy::HandleError;
use super::hosted;

/// Shown for accounts without a handle.
pub const INVALID_HANDLE: &str = "handle.invalid";

/// The account's handle as others see it.
pub fn shown_handle(account: &Account) -> String {
    account.handle.as_ref().map_or_else(|| INVALID_HANDLE.to_owned(), Handle::to_string)
}

/// Nobody waits longer to sign in for a document that they can do without.
const SESSION_PATIENCE: Duration = Duration::from_secs(1);

/// The DID document for session answers, if the operator wants it there and it can be had soon.
pub async fn document_for_session(app: &App, did: &Did) -> Option<serde_json::Value> {
    if !app.config.did_doc_with_session {
        return None;
    }
    let document = timeout(SESSION_PATIENCE, app.resolver.did(did, false)).await.ok()?.ok()?;
    Some(document.as_json().clone())
}

/// Why an account cannot be active here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MismatchError {
    #[error("DID document does not name this server as the PDS")]
    Endpoint,
    #[error("DID document verification method does not match expected signing key")]
    SigningKey,
    #[error("Server rotation key not included in PLC DID data")]
    RotationKey,
}

/// Whether the document says that its account lives at this server.
pub fn names_server(document: &DidDocument, public_url: &str) -> bool {
    document.pds_endpoint().as_deref() == Some(public_url)
}

/// Whether the document names this server and the key that signs the account's commits here.
pub fn check_document(
    document: &DidDocument,
    public_url: &str,
    key: &DidKey,
) -> Result<(), MismatchError> {
    if !names_server(document, public_url) {
        return Err(MismatchError::Endpoint);
    }
    if document.signing_key().map(|key| key.did_key()).as_ref() != Some(key) {
        return Err(MismatchError::SigningKey);
    }
    Ok(())
}

/// The public half of the key that signs an account's commits.
///
/// # Errors
/// 500 without the account's key.
pub async fn account_key(app: &App, did: &Did) -> Result<DidKey, XrpcError> {
    Ok(signing_key(app, did).await?.did_key())
}

/// The key of an account.
///
/// # Errors
/// As for an unknown account: this one was deleted after its session was checked.
pub async fn signing_key(app: &App, did: &Did) -> Result<SigningKey, XrpcError> {
    let key = app.store.signing_key(did).await?;
    key.ok_or_else(|| NoAccount.into())
}

impl From<MismatchError> for XrpcError {
    fn from(err: MismatchError) -> Self {
        Self::invalid_request(err.to_string()).because(err)
    }
}

/// Reads the present document, past every cache, and checks it. A did:plc must also leave the server's rotation key in
/// its place: without it neither handle nor key could be changed from here, and the next move away would fail.
///
/// # Errors
/// 400 when the account does not belong here, 502 when the document cannot be had.
pub async fn require_valid_document(app: &App, did: &Did) -> Result<(), XrpcError> {
    let key = account_key(app, did).await?;
    let document = app.resolver.did(did, true).await?;
    check_document(&document, &app.config.public_url, &key)?;
    if did.method() == "plc" {
        check_rotation_key(&app.plc.get_data(did).await?, &app.rotation_key.did_key())?;
    }
    Ok(())
}

/// Whether a did:plc can be changed with the server's rotation key.
pub fn check_rotation_key(data: &PlcData, key: &DidKey) -> Result<(), MismatchError> {
    let is_there = data.rotation_keys.iter().any(|known| known == key.as_str());
    if is_there { Ok(()) } else { Err(MismatchError::RotationKey) }
}

/// Makes sure that an external handle names this DID, past every cache.
pub async fn require_handle_resolves(
    app: &App,
    handle: &Handle,
    did: &Did,
) -> Result<(), XrpcError> {
    match app.resolver.handle_fresh(handle).await {
        Ok(found) if found == *did => Ok(()),
        Ok(_) => Err(HandleError::DoesNotResolve.into()),
        Err(err) => Err(XrpcError::from(HandleError::DoesNotResolve).because(err)),
    }
}

/// Puts a handle into the DID document.
///
/// # Errors
/// As the directory says; for a did:web that is not hosted here 400 unless the document, which is its owner's, lists the
/// handle already.
pub async fn publish_handle(app: &App, did: &Did, handle: &Handle) -> Result<(), XrpcError> {
    if hosted::is_hosted(did, &app.config.handle_domains) {
        // The document is written from the account.
        return Ok(());
    }
    if did.method() != "plc" {
        let document = app.resolver.did(did, true).await?;
        let alias = format!("at://{handle}");
        if document.also_known_as.contains(&alias) {
            return Ok(());
        }
        return Err(XrpcError::invalid_request("DID is not properly configured for handle"));
    }
    update_plc_handle(app, did, handle).await?;
    // The cached document names the handle before; a failure here only leaves it to its time.
    let _ = app.resolver.did(did, true).await;
    Ok(())
}

async fn update_plc_handle(app: &App, did: &Did, handle: &Handle) -> Result<(), PlcClientError> {
    let last = app.plc.get_last_op(did).await?;
    let data = app.plc.get_data(did).await?;
    let operation = data.next_operation(last.cid()).with_handle(handle);
    if operation.also_known_as == data.also_known_as {
        return Ok(());
    }
    app.plc.submit(did, &operation.sign(&app.rotation_key)).await
}

/// Hands an operation to the directory and tells the network to look again. It can be repeated.
///
/// # Errors
/// What the directory answers.
pub async fn submit(app: &App, did: &Did, operation: &Operation) -> Result<(), XrpcError> {
    if let Err(refusal) = app.plc.submit(did, operation).await {
        require_known(app, did, operation, refusal).await?;
    }
    // The cached document is outdated; a failure here only leaves it to its time.
    let _ = app.resolver.did(did, true).await;
    Ok(app.store.emit_identity(did).await?)
}

/// A directory refuses what it has, and whoever submits again has met a crash between the directory and the event; and its
/// answer may be lost on the way: what counts is that the operation is the last one there.
async fn require_known(
    app: &App,
    did: &Did,
    operation: &Operation,
    refusal: PlcClientError,
) -> Result<(), XrpcError> {
    let last = app.plc.get_last_op(did).await;
    let is_known = last.is_ok_and(|last| last.cid() == operation.cid());
    if is_known { Ok(()) } else { Err(refusal.into()) }
}

#[cfg(test)]
mod tests {
    use cairn_identity::Curve;
    use serde_json::json;

    use super::*;

    fn document(endpoint: &str, key: &DidKey) -> DidDocument {
        DidDocument::from_json(json!({
            "id": "did:web:alice.test",
            "verificationMethod": [{
                "id": "did:web:alice.test#atproto", "type": "Multikey", "controller": "did:web:alice.test",
                "publicKeyMultibase": key.multikey(),
            }],
            "service": [{ "id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": endpoint }],
        }))
        .unwrap()
    }

    #[test]
    fn an_account_belongs_here_when_endpoint_and_key_agree() {
        let key = SigningKey::generate(Curve::K256).did_key();
        let other = SigningKey::generate(Curve::K256).did_key();
        let here = "https://pds.test";
        assert_eq!(check_document(&document(here, &key), here, &key), Ok(()));
        assert_eq!(
            check_document(&document("https://else.test", &key), here, &key),
            Err(MismatchError::Endpoint)
        );
        assert_eq!(
            check_document(&document(here, &other), here, &key),
            Err(MismatchError::SigningKey)
        );
    }
}
