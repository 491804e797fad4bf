//! Service tokens: another service, or the account itself at another host, signed this request with its `#atproto` key.

use cairn_model::Nsid;

use crate::app::App;
use crate::error::XrpcError;
use crate::xrpc::Endpoint;

use super::Service;

/// Checks a service token for the called method.
pub(super) async fn verify(app: &App, endpoint: &Endpoint, token: &str) -> Result<Service, XrpcError> {
    let lxm = Nsid::parse(endpoint.nsid).map_err(XrpcError::internal)?;
    let verified = app.service_tokens.verify(token, &lxm, app.resolver.as_ref(), app.clock.now()).await?;
    Ok(Service { iss: verified.iss })
}
