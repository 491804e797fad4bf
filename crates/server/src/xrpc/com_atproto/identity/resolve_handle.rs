//! `com.atproto.identity.resolveHandle`

use cairn_model::{Did, Handle};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::accounts::handle_policy::{Domain, domain_of};
use crate::auth::Anyone;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Json, Params, Result};

#[derive(Deserialize)]
pub struct ResolveHandle {
    handle: Handle,
}

#[derive(Serialize)]
pub struct Resolved {
    did: Did,
}

pub async fn resolve_handle(
    cx: Cx<Anyone>,
    Params(params): Params<ResolveHandle>,
) -> Result<Json<Resolved>> {
    Ok(Json(Resolved { did: resolve(&cx.app, &params.handle, false).await? }))
}

/// The DID of a handle: of an active account here, else, unless the handle is under a domain of ours, as the network
/// says; past every cache if it shall be `fresh`.
pub(super) async fn resolve(app: &App, handle: &Handle, fresh: bool) -> Result<Did> {
    let domain = domain_of(handle, &app.config.handle_domains);
    // What this server remembers of a name under another domain is a cache too.
    if domain == Domain::Own || !fresh {
        let account = app.store.account(handle.clone()).await?;
        if let Some(account) = account.filter(|account| account.is_active()) {
            return Ok(account.did.clone());
        }
    }
    let not_found = || XrpcError::named("HandleNotFound", "Unable to resolve handle");
    if domain == Domain::Own {
        return Err(not_found());
    }
    let found = match fresh {
        true => app.resolver.handle_fresh(handle).await,
        false => app.resolver.handle(handle).await,
    };
    found.map_err(|err| not_found().because(err))
}
