//! The step that makes a move real: the identity names this server. The old server signs what is asked of it once its owner
//! repeats the code that it has mailed; this server hands it to the directory.

use cairn_identity::plc::{Operation, PlcData, UnsignedOperation};
use cairn_store::{Account, MoveStep};
use serde::Deserialize;
use serde_json::json;

use super::super::identity::{account_key, require_valid_document, submit};
use super::old_server::{OldError, OldServer};
use super::{Trouble, go_on, resume};
use crate::App;
use crate::error::XrpcError;

/// Has the old server mail its code.
///
/// # Errors
/// When the store cannot be read or written; what is in the way is stored.
pub async fn request_code(app: &App, account: &Account) -> Result<bool, XrpcError> {
    let Some(found) = app.store.find_move(account.id).await? else { return Ok(false) };
    // The answer of a server that takes its time must not stop what has begun meanwhile.
    if found.step != MoveStep::Identity || app.moves.works_on(account.id) {
        return Ok(false);
    }
    let asked = match resume(app, account.id, &found) {
        Some(old) => {
            old.call("com.atproto.identity.requestPlcOperationSignature", None).await.map(drop)
        }
        None => Err(OldError::SessionOver),
    };
    let trouble = asked.err().map(|err| Trouble::from(err).0);
    let is_asked = trouble.is_none();
    app.store.set_move(account.id, found.step, found.step, false, trouble).await?;
    Ok(is_asked)
}

/// Has the old server sign, the directory take it, and the rest of the move begin. If the identity names this server already,
/// that is all there is to do. Returns whether it does now.
///
/// # Errors
/// When the store cannot be read or written; what is in the way is stored.
pub async fn confirm(app: &App, account: &Account, code: &str) -> Result<bool, XrpcError> {
    let Some(found) = app.store.find_move(account.id).await? else { return Ok(false) };
    if found.step != MoveStep::Identity {
        return Ok(true);
    }
    let outcome = match resume(app, account.id, &found) {
        _ if require_valid_document(app, &account.did).await.is_ok() => Ok(()),
        Some(old) if account.did.method() == "plc" => point_here(app, account, &old, code).await,
        Some(_) => Err(Trouble::new("document", "")),
        None => Err(OldError::SessionOver.into()),
    };
    match outcome {
        Ok(()) => {
            let (from, next) = (MoveStep::Identity, MoveStep::Activation);
            // The account lives here now, whatever becomes of the rest: it does not go by itself any more.
            app.store.cancel_deletion(account.id).await?;
            app.store.set_move(account.id, from, next, true, None).await?;
            go_on(app, account.id).await?;
            Ok(true)
        }
        Err(Trouble(trouble)) => {
            let step = MoveStep::Identity;
            app.store.set_move(account.id, step, step, false, Some(trouble)).await?;
            Ok(false)
        }
    }
}

async fn point_here(
    app: &App,
    account: &Account,
    old: &OldServer,
    code: &str,
) -> Result<(), Trouble> {
    #[derive(Deserialize)]
    struct Signed {
        operation: Operation,
    }
    let did = &account.did;
    let _turn = app.identity_turns.take(did).await;
    let last = app.plc.get_last_op(did).await.map_err(XrpcError::from)?;
    let data = PlcData::of(did, &last).ok_or_else(|| Trouble::new("ended", ""))?;
    let wanted = wanted(app, account, &data, old, last.cid()).await?;
    let input = json!({
        "token": code,
        "rotationKeys": wanted.rotation_keys,
        "alsoKnownAs": wanted.also_known_as,
        "verificationMethods": wanted.verification_methods,
        "services": wanted.services,
    });
    let answer = old.call("com.atproto.identity.signPlcOperation", Some(&input)).await?;
    let signed: Signed = serde_json::from_value(answer).map_err(|_| OldError::Strange)?;
    // What the old server signs is what was asked, and nothing besides.
    let Operation::Plc(got) = &signed.operation else { return Err(OldError::Strange.into()) };
    let is_same = got.rotation_keys == wanted.rotation_keys
        && got.also_known_as == wanted.also_known_as
        && got.verification_methods == wanted.verification_methods
        && got.services == wanted.services
        && got.prev == wanted.prev;
    if !is_same {
        return Err(OldError::Strange.into());
    }
    // A server that does not name the key that it signs with would keep it in front of ours, and could take the account back.
    let signer = signed.operation.signer(&data.rotation_keys).map_err(|_| OldError::Strange)?;
    let keeps_its_key = data.rotation_keys.get(signer).is_none_or(|key| {
        wanted.rotation_keys.contains(key) && *key != app.rotation_key.did_key().to_string()
    });
    if keeps_its_key {
        return Err(OldError::Strange.into());
    }
    // Before, so that an account whose identity is here does not go because this server ends in between.
    app.store.cancel_deletion(account.id).await.map_err(XrpcError::from)?;
    Ok(submit(app, did, &signed.operation).await?)
}

/// The identity as it is to be: here, under this server's key, with the owner's own keys still before it.
async fn wanted(
    app: &App,
    account: &Account,
    data: &PlcData,
    old: &OldServer,
    prev: cairn_model::Cid,
) -> Result<UnsignedOperation, Trouble> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Credentials {
        #[serde(default)]
        rotation_keys: Vec<String>,
    }
    let theirs: Credentials =
        old.query("com.atproto.identity.getRecommendedDidCredentials", &[]).await?;
    let mut next = data
        .next_operation(prev)
        .with_signing_key(&account_key(app, &account.did).await?)
        .with_pds_endpoint(&app.config.public_url);
    if let Some(handle) = &account.handle {
        // Other aliases name other places; the handle stands first.
        next.also_known_as.retain(|alias| !alias.starts_with("at://"));
        next.also_known_as.insert(0, format!("at://{handle}"));
    }
    let here = app.config.recovery_did_key.iter().cloned();
    let here: Vec<String> = here.chain([app.rotation_key.did_key().to_string()]).collect();
    next.rotation_keys.retain(|key| !theirs.rotation_keys.contains(key) && !here.contains(key));
    next.rotation_keys.extend(here);
    Ok(next)
}
