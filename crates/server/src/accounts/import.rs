//! A repository on its way in, as a CAR.
//!
//! It is stored as it comes and becomes the account's at the end, if it is whole, belongs to the account, and is signed by a
//! key of the account's DID. Until then the present repository stays, so that a broken import can simply be repeated.

use std::collections::BTreeSet;
use std::error::Error;

use bytes::Bytes;
use cairn_identity::plc::Operation;
use cairn_identity::{DidKey, PublicKey};
use cairn_model::Did;
use cairn_repo::walk::WalkError;
use cairn_store::{Account, Import, ImportError};

use crate::App;
use crate::error::XrpcError;
use crate::xrpc::body;

/// An import that has begun.
pub struct Arriving {
    import: Import,
    keys: Vec<PublicKey>,
}

/// Begins an import.
///
/// # Errors
/// 400 where imports are switched off or the account has one already, and for a DID that does not resolve.
pub async fn begin(app: &App, account: &Account) -> Result<Arriving, XrpcError> {
    if !app.config.accepting_imports {
        return Err(XrpcError::invalid_request("Service is not accepting repo imports"));
    }
    let keys = accepted_keys(app, &account.did).await?;
    let import = app.store.import(account.id).await.map_err(refused)?;
    Ok(Arriving { import, keys })
}

impl Arriving {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// Whatever is wrong with them, as 400; afterwards the import is over.
    pub async fn push(&mut self, piece: Bytes) -> Result<(), XrpcError> {
        self.import.push(piece).await.map_err(refused)
    }

    /// Ends the import: the repository is the account's.
    ///
    /// # Errors
    /// Whatever is wrong with it, as 400.
    pub async fn finish(self) -> Result<(), XrpcError> {
        let Self { import, keys } = self;
        let check = move |message: &[u8], signature: &[u8]| {
            keys.iter().any(|key| key.verify_strict(message, signature).is_ok())
        };
        import.finish(check).await.map_err(refused)?;
        Ok(())
    }
}

/// Whatever is wrong with the CAR is the client's to read, with what it comes from; a failing store is not.
fn refused(err: ImportError) -> XrpcError {
    match err {
        ImportError::NoAccount => XrpcError::named("AccountNotFound", "Account not found"),
        ImportError::Crowded => XrpcError::unavailable(err.to_string()),
        ImportError::TooSlow => body::stalled(),
        ImportError::Store(err) => err.into(),
        ImportError::QuotaExceeded { .. } => XrpcError::quota_exceeded(err.to_string()),
        ImportError::Tree(err) => match *err {
            WalkError::Source(err) => err.into(),
            err => XrpcError::invalid_request(with_causes(&err)),
        },
        err => XrpcError::invalid_request(with_causes(&err)),
    }
}

fn with_causes(err: &dyn Error) -> String {
    let mut message = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        message = format!("{message}: {err}");
        cause = err.source();
    }
    message
}

/// Keys that may have signed the account's commits: the one in its DID document, the one that it has here, and those that
/// its did:plc named before, because a repository that is fetched from the old host after the DID document has changed is
/// still signed with the old key.
async fn accepted_keys(app: &App, did: &Did) -> Result<Vec<PublicKey>, XrpcError> {
    let mut keys = BTreeSet::new();
    let own = app.store.signing_key(did).await?;
    keys.extend(own.map(|key| key.did_key()));
    let document = app.resolver.did(did, true).await?;
    keys.extend(document.signing_key().map(|key| key.did_key()));
    if did.method() == "plc" {
        let log = app.plc.get_audit_log(did).await?;
        keys.extend(
            log.iter()
                .filter(|entry| !entry.nullified)
                .filter_map(|entry| signing_key(&entry.operation)),
        );
    }
    Ok(keys.iter().filter_map(|key| key.public_key().ok()).collect())
}

fn signing_key(operation: &Operation) -> Option<DidKey> {
    let key = match operation {
        Operation::Plc(operation) => operation.verification_methods.get("atproto")?,
        Operation::LegacyCreate(operation) => &operation.signing_key,
        Operation::Tombstone(_) => return None,
    };
    DidKey::parse(key).ok()
}
