//! `com.atproto.repo.importRepo`
//!
//! The CAR is stored as it comes and becomes the repository at the end, if it is whole, belongs to the account, and is
//! signed by a key of the account's DID. Until then the present repository stays, so that a broken upload can simply be
//! repeated.

use std::collections::BTreeSet;
use std::error::Error;

use cairn_identity::plc::Operation;
use cairn_identity::{DidKey, PublicKey};
use cairn_model::Did;
use cairn_repo::walk::WalkError;
use cairn_store::ImportError;

use crate::App;
use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Result, Upload, body};

pub async fn import_repo(cx: Cx<Session>, mut body: Upload) -> Result<()> {
    if !cx.app.config.accepting_imports {
        return Err(XrpcError::invalid_request("Service is not accepting repo imports"));
    }
    let keys = accepted_keys(&cx.app, cx.caller.did()).await?;
    let mut import = cx.app.store.import(cx.caller.account.id).await.map_err(refused)?;
    while let Some(piece) = body.next().await? {
        import.push(piece).await.map_err(refused)?;
    }
    let check = move |message: &[u8], signature: &[u8]| {
        keys.iter().any(|key| key.verify_strict(message, signature).is_ok())
    };
    import.finish(check).await.map_err(refused)?;
    Ok(())
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
async fn accepted_keys(app: &App, did: &Did) -> Result<Vec<PublicKey>> {
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
