//! The server's own secrets: as the operator gave them, or made on the first start and kept sealed.

use anyhow::Context;
use cairn_identity::{Curve, SigningKey, random_bytes};
use cairn_server::config::Secret;
use cairn_store::Store;

use crate::config::Secrets;

/// The key of session tokens.
pub(crate) async fn jwt_secret(given: &Secrets, store: &Store) -> anyhow::Result<Secret> {
    if let Some(secret) = &given.jwt_secret {
        return Ok(Secret::new(secret.as_bytes()));
    }
    let fresh = random_bytes::<32>().to_vec().into();
    let kept = store
        .secret_or("session token key", fresh)
        .await
        .context("keeping the key of session tokens")?;
    Ok(Secret::new(kept.to_vec()))
}

/// The key that signs did:plc operations for the accounts of this server.
pub(crate) async fn rotation_key(given: &Secrets, store: &Store) -> anyhow::Result<SigningKey> {
    let bytes = match given.plc_rotation_key {
        Some(bytes) => bytes,
        None => {
            let fresh = SigningKey::generate(Curve::K256).to_bytes().to_vec().into();
            let kept = store
                .secret_or("plc rotation key", fresh)
                .await
                .context("keeping the PLC rotation key")?;
            kept.as_slice().try_into().context("the kept PLC rotation key has another length")?
        }
    };
    SigningKey::from_bytes(Curve::K256, &bytes)
        .context("`plc_rotation_key` is not a K-256 private key")
}
