//! `com.atproto.identity.updateHandle`

use serde::Deserialize;

use crate::accounts::handle_policy::{self, Domain};
use crate::accounts::{handle, identity};
use crate::auth::Session;
use crate::xrpc::{Cx, Input, Result};

#[derive(Deserialize)]
pub struct UpdateHandle {
    handle: String,
}

pub async fn update_handle(cx: Cx<Session>, Input(input): Input<UpdateHandle>) -> Result<()> {
    let account = &cx.caller.account;
    let (new, domain) = handle_policy::check(&input.handle, cx.app.config.handle_rules(), false)?;
    if domain == Domain::External {
        identity::require_handle_resolves(&cx.app, &new, &account.did).await?;
    }
    handle::change(&cx.app, account, &new).await
}
