//! A new signing key for an account: published first, taken up at once afterwards.
//!
//! Until the DID document names the new key the account signs with the old one, and from the moment that the document is
//! known to name it with the new. What is interrupted in between is taken up again at the next start, and every ten
//! minutes ([`crate::jobs`]). See [`cairn_store::Store::prepare_signing_key`].

use cairn_identity::plc::PlcData;
use cairn_identity::{DidKey, PlcClientError};
use cairn_model::{Cid, Did};
use cairn_store::{Account, NoAccount, PrepareKeyError, RotateKeyError};
use http::StatusCode;
use jiff::SignedDuration;

use super::hosted;
use super::identity::{self, MismatchError};
use crate::App;
use crate::error::XrpcError;

/// After this time no operation is on its way to the directory any more.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_hours(1);

/// Gives an account a new signing key: `wanted`, which this server must hold, or a fresh one.
///
/// # Errors
/// 400 for a key that is not held for the account, a document that this server cannot or must not change, or an unknown
/// account; what the directory answers. The account stays usable with the key that its document names.
pub async fn rotate(app: &App, did: &Did, wanted: Option<DidKey>) -> Result<(), XrpcError> {
    let _turn = app.identity_turns.take(did).await;
    let account = app.store.account(did).await?.ok_or(NoAccount)?;
    let published = Published::read(app, did).await?;
    let has_resumed = resume(app, &account, &published).await?;
    let key = identity::account_key(app, did).await?;
    let is_done = match &wanted {
        // The call before this one made the key that is wanted here.
        None => has_resumed,
        Some(wanted) => key == *wanted && published.names(wanted),
    };
    if is_done {
        return Ok(());
    }
    match &published {
        Published::Plc { prev, data } => {
            let key = prepare(app, &account, wanted).await?;
            publish(app, &account, *prev, data, &key).await?;
            take_up(app, &account, &key).await
        }
        Published::Here { .. } => {
            let key = prepare(app, &account, wanted).await?;
            take_up(app, &account, &key).await
        }
        Published::Elsewhere { .. } => {
            let Some(wanted) = wanted.filter(|wanted| published.names(wanted)) else {
                return Err(XrpcError::invalid_request(
                    "the DID document is its owner's: it must name a key from reserveSigningKey first, which signingKey then repeats",
                ));
            };
            let key = prepare(app, &account, Some(wanted)).await?;
            take_up(app, &account, &key).await
        }
    }
}

/// Takes up what was interrupted: the account signs with the key that its document names by now.
///
/// # Errors
/// As [`rotate`].
pub async fn take_up_again(app: &App, account: &Account) -> Result<(), XrpcError> {
    let _turn = app.identity_turns.take(&account.did).await;
    let has_resumed = match Published::read(app, &account.did).await {
        Ok(published) => resume(app, account, &published).await?,
        // The account's home is elsewhere by now, or its DID has ended.
        Err(err) if err.status() == StatusCode::BAD_REQUEST => false,
        Err(err) => return Err(err),
    };
    if has_resumed {
        return Ok(());
    }
    if let Ok(before) = app.clock.now().checked_sub(ON_ITS_WAY) {
        app.store.forget_pending_keys(account.id, before).await?;
    }
    Ok(())
}

/// What the network knows of an account at the moment.
enum Published {
    Plc {
        prev: Cid,
        data: Box<PlcData>,
    },
    /// A did:web whose document this server writes, from the account.
    Here {
        key: DidKey,
    },
    /// A did:web whose document its owner keeps.
    Elsewhere {
        key: Option<DidKey>,
    },
}

impl Published {
    /// Reads the document past every cache, and makes sure that the account's home is here: an account that has moved
    /// away must not lose the key of its new home.
    async fn read(app: &App, did: &Did) -> Result<Self, XrpcError> {
        if did.method() == "plc" {
            let last = app.plc.get_last_op(did).await?;
            let data = PlcData::of(did, &last)
                .ok_or_else(|| XrpcError::invalid_request("Did is tombstoned"))?;
            let home = data.services.get("atproto_pds").map(|pds| pds.endpoint.as_str());
            if home != Some(app.config.public_url.as_str()) {
                return Err(MismatchError::Endpoint.into());
            }
            identity::check_rotation_key(&data, &app.rotation_key.did_key())?;
            return Ok(Self::Plc { prev: last.cid(), data: Box::new(data) });
        }
        if hosted::is_hosted(did, &app.config.handle_domains) {
            return Ok(Self::Here { key: identity::account_key(app, did).await? });
        }
        let document = app.resolver.did(did, true).await?;
        if !identity::names_server(&document, &app.config.public_url) {
            return Err(MismatchError::Endpoint.into());
        }
        Ok(Self::Elsewhere { key: document.signing_key().map(|key| key.did_key()) })
    }

    fn names(&self, key: &DidKey) -> bool {
        match self {
            Self::Plc { data, .. } => names(data, key),
            Self::Here { key: named } => named == key,
            Self::Elsewhere { key: named } => named.as_ref() == Some(key),
        }
    }
}

fn names(data: &PlcData, key: &DidKey) -> bool {
    data.verification_methods.get("atproto").is_some_and(|named| named == key.as_str())
}

/// Returns whether the account changed its key to one that an earlier call had published.
async fn resume(app: &App, account: &Account, published: &Published) -> Result<bool, XrpcError> {
    let pending = app.store.pending_signing_keys(account.id).await?;
    let Some((key, _)) = pending.into_iter().find(|(key, _)| published.names(key)) else {
        return Ok(false);
    };
    take_up(app, account, &key).await?;
    Ok(true)
}

async fn prepare(
    app: &App,
    account: &Account,
    wanted: Option<DidKey>,
) -> Result<DidKey, XrpcError> {
    app.store.prepare_signing_key(account.id, wanted).await.map_err(|err| match err {
        PrepareKeyError::NotHeld => XrpcError::invalid_request(
            "signingKey is not one that this server has reserved for the account",
        ),
        PrepareKeyError::NoAccount(err) => err.into(),
        PrepareKeyError::Store(err) => err.into(),
    })
}

/// Has the directory name the key. An answer that does not come says nothing: the directory is asked what it has taken.
async fn publish(
    app: &App,
    account: &Account,
    prev: Cid,
    data: &PlcData,
    key: &DidKey,
) -> Result<(), PlcClientError> {
    if names(data, key) {
        return Ok(());
    }
    let operation = data.next_operation(prev).with_signing_key(key).sign(&app.rotation_key);
    let Err(err) = app.plc.submit(&account.did, &operation).await else { return Ok(()) };
    let is_taken =
        err.is_upstream() && app.plc.get_data(&account.did).await.is_ok_and(|now| names(&now, key));
    if is_taken { Ok(()) } else { Err(err) }
}

async fn take_up(app: &App, account: &Account, key: &DidKey) -> Result<(), XrpcError> {
    app.store.rotate_signing_key(account.id, key).await.map_err(|err| match err {
        RotateKeyError::NoAccount(err) => err.into(),
        RotateKeyError::Store(err) => err.into(),
        err @ RotateKeyError::NotPrepared => XrpcError::internal(err),
    })?;
    tracing::info!(did = %account.did, %key, "the account signs with another key");
    // The cached document names the key before; a failure here only leaves it to its time.
    let _ = app.resolver.did(&account.did, true).await;
    Ok(())
}
