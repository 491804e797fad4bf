//! Service tokens: another service, or the account itself at another host, signed this request.

use cairn_model::Nsid;

use crate::app::App;
use crate::error::XrpcError;
use crate::xrpc::Endpoint;

use super::Service;

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
    let verified = verify_any_key(app, endpoint, token).await?;
    if verified.key_id != ACCOUNT_KEY {
        return Err(XrpcError::unauthorized(
            "BadJwtIss",
            "this key does not speak for the account",
        ));
    }
    Ok(Service { iss: verified.iss, token: verified.token })
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
) -> Result<cairn_identity::service_auth::Verified, XrpcError> {
    let lxm = Nsid::parse(endpoint.nsid).map_err(XrpcError::internal)?;
    Ok(app.service_tokens.verify(token, &lxm, app.resolver.as_ref(), app.clock.now()).await?)
}
