//! The token that says in whose name a request is made.

use cairn_identity::service_auth::{self, Claims, DEFAULT_LIFETIME};
use cairn_model::{Did, Nsid};
use cairn_store::Account;
use http::HeaderValue;

use crate::app::App;
use crate::error::XrpcError;

/// Signs an `Authorization` header for one call of one method at one service.
///
/// Interop: the audience is the bare DID; services in use do not know `did#service` yet.
pub(super) async fn sign(
    app: &App,
    account: &Account,
    audience: &Did,
    lxm: &Nsid,
) -> Result<HeaderValue, XrpcError> {
    let key = app.store.signing_key(&account.did).await?;
    let key = key.ok_or_else(|| XrpcError::internal("the account has no signing key"))?;
    let now = app.clock.now();
    let claims = Claims::new(&account.did, audience.as_str(), Some(lxm), now, DEFAULT_LIFETIME);
    let token = service_auth::create(&key, &claims);
    let mut header =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(XrpcError::internal)?;
    header.set_sensitive(true);
    Ok(header)
}
