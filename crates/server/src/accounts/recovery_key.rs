//! The keys that rule over a did:plc, by falling power: an owner may put one of their own before the server's. Whoever has it
//! can move the account away without this server, and can undo for 72 hours what any key after it has done.
//! Spec: <https://web.plc.directory/spec/v0.1/did-plc>.

use cairn_identity::plc::{MAX_OWN_ROTATION_KEYS, PlcData};
use cairn_identity::{DidKey, PublicKey};
use cairn_model::Did;
use cairn_store::{Account, MailPurpose, MailTokenError};

use super::identity;
use crate::App;
use crate::error::XrpcError;

/// Who has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// This server signs with it.
    Server,
    /// The operator keeps it for emergencies.
    Operator,
    /// The owner, or a server on which the account was before.
    Other,
}

/// A key in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationKey {
    pub key: String,
    pub holder: Holder,
}

/// Why the keys stay as they are.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the code is not the newest")]
    Code,
    #[error("the code is too old")]
    OldCode,
    #[error("the key is there already")]
    Known,
    #[error("there is no such key")]
    Missing,
    #[error("there are as many keys as there may be")]
    Full,
    /// The account has to stay within the server's reach for as long as it lives here.
    #[error("the key is the server's or the operator's")]
    NotTheirs,
    /// The server's key is not among them, so it cannot sign.
    #[error("the identity is not under this server's key")]
    OutOfReach,
}

/// Reads a did:key of a curve that the directory takes.
pub fn parse(text: &str) -> Option<DidKey> {
    PublicKey::parse_did_key(text).ok().map(|key| key.did_key())
}

/// The keys of a did:plc, the strongest first.
///
/// # Errors
/// What the directory answers.
pub async fn list(app: &App, did: &Did) -> Result<Vec<RotationKey>, XrpcError> {
    let data = app.plc.get_data(did).await?;
    let of = |key: String| RotationKey { holder: holder(app, &key), key };
    Ok(data.rotation_keys.into_iter().map(of).collect())
}

fn holder(app: &App, key: &str) -> Holder {
    if app.rotation_key.did_key().as_str() == key {
        return Holder::Server;
    }
    if app.config.recovery_did_key.as_deref() == Some(key) {
        return Holder::Operator;
    }
    Holder::Other
}

/// Puts a key before all others.
///
/// # Errors
/// What the directory answers; the code is good for another try then.
pub async fn add(
    app: &App,
    account: &Account,
    key: &DidKey,
    code: &str,
) -> Result<Result<(), Refusal>, XrpcError> {
    let key = key.to_string();
    change(app, account, code, move |keys| {
        if keys.contains(&key) {
            return Err(Refusal::Known);
        }
        if keys.len() >= MAX_OWN_ROTATION_KEYS {
            return Err(Refusal::Full);
        }
        keys.insert(0, key);
        Ok(())
    })
    .await
}

/// Takes a key away that is neither the server's nor the operator's.
///
/// # Errors
/// As [`add`].
pub async fn remove(
    app: &App,
    account: &Account,
    key: &str,
    code: &str,
) -> Result<Result<(), Refusal>, XrpcError> {
    if holder(app, key) != Holder::Other {
        return Ok(Err(Refusal::NotTheirs));
    }
    change(app, account, code, |keys| {
        let before = keys.len();
        keys.retain(|known| known != key);
        if keys.len() == before { Err(Refusal::Missing) } else { Ok(()) }
    })
    .await
}

async fn change(
    app: &App,
    account: &Account,
    code: &str,
    edit: impl FnOnce(&mut Vec<String>) -> Result<(), Refusal>,
) -> Result<Result<(), Refusal>, XrpcError> {
    let (did, store) = (&account.did, &app.store);
    let _turn = app.identity_turns.take(did).await;
    match store.check_mail_token(account.id, MailPurpose::PlcOperation, code).await {
        Ok(()) => {}
        Err(MailTokenError::Invalid) => return Ok(Err(Refusal::Code)),
        Err(MailTokenError::Expired) => return Ok(Err(Refusal::OldCode)),
        Err(MailTokenError::Store(err)) => return Err(err.into()),
    }
    let last = app.plc.get_last_op(did).await?;
    let data = PlcData::of(did, &last);
    let data = data.ok_or_else(|| XrpcError::invalid_request("Did is tombstoned"))?;
    if identity::check_rotation_key(&data, &app.rotation_key.did_key()).is_err() {
        return Ok(Err(Refusal::OutOfReach));
    }
    let mut next = data.next_operation(last.cid());
    if let Err(refusal) = edit(&mut next.rotation_keys) {
        return Ok(Err(refusal));
    }
    identity::submit(app, did, &next.sign(&app.rotation_key)).await?;
    match store.use_mail_token(account.id, MailPurpose::PlcOperation, code).await {
        Err(MailTokenError::Store(err)) => Err(err.into()),
        // Spent meanwhile or too old by now: what it was for is done.
        _ => Ok(Ok(())),
    }
}

#[cfg(test)]
mod tests {
    use cairn_identity::{Curve, SigningKey};

    use super::*;

    #[test]
    fn keys_are_points_of_one_of_two_curves() {
        for curve in [Curve::K256, Curve::P256] {
            let key = SigningKey::generate(curve).did_key();
            assert_eq!(parse(key.as_str()), Some(key));
        }
        for text in [
            "",
            "did:key:",
            "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
            "did:plc:abc",
            "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
