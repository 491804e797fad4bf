//! Service tokens: another service, or the account itself at another host, signed this request.

use cairn_identity::service_auth::Verified;
use cairn_model::{Did, Nsid};

use crate::app::App;
use crate::error::XrpcError;
use crate::xrpc::Endpoint;

use super::Service;
use super::methods::CREATE_ACCOUNT;

/// The key that speaks for an account or a service as such.
const ACCOUNT_KEY: &str = "#atproto";

/// Checks a token that an account signed for the called method.
///
/// # Errors
/// 401 with a name that says what is wrong with it.
pub(super) async fn verify(
    app: &App,
    endpoint: &Endpoint,
    token: &str,
) -> Result<Service, XrpcError> {
    let verified = account_key_only(verify_any_key(app, endpoint, token).await?)?;
    Ok(Service { iss: verified.iss, token: verified.token })
}

fn account_key_only(verified: Verified) -> Result<Verified, XrpcError> {
    if verified.key_id == ACCOUNT_KEY {
        return Ok(verified);
    }
    Err(XrpcError::unauthorized("BadJwtIss", "this key does not speak for the account"))
}

/// Checks a token by which somebody brings a DID along, as `createAccount` takes it. Returns whose it is.
///
/// # Errors
/// As [`verify`].
pub(crate) async fn verify_newcomer(app: &App, token: &str) -> Result<Did, XrpcError> {
    let lxm = Nsid::parse(CREATE_ACCOUNT).map_err(XrpcError::internal)?;
    let verifier = &app.service_tokens;
    let verified = verifier.verify(token, &lxm, app.resolver.as_ref(), app.clock.now()).await?;
    Ok(account_key_only(verified)?.iss)
}

/// Checks a token that a moderation service signed, with its account's key or its labels' key.
///
/// # Errors
/// 401 with a name that says what is wrong with it.
pub(super) async fn verify_moderator(
    app: &App,
    endpoint: &Endpoint,
    token: &str,
) -> Result<Service, XrpcError> {
    let verified = verify_any_key(app, endpoint, token).await?;
    let service = Service { iss: verified.iss, token: verified.token };
    let trusted = app.config.moderation.as_ref().map(|target| &target.did);
    if trusted != Some(&service.iss) {
        return Err(XrpcError::unauthorized("UntrustedIss", "Untrusted issuer"));
    }
    Ok(service)
}

async fn verify_any_key(
    app: &App,
    endpoint: &Endpoint,
    token: &str,
) -> Result<Verified, XrpcError> {
    let lxm = Nsid::parse(endpoint.nsid).map_err(XrpcError::internal)?;
    Ok(app.service_tokens.verify(token, &lxm, app.resolver.as_ref(), app.clock.now()).await?)
}
