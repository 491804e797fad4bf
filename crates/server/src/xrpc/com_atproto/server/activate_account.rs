//! `com.atproto.server.activateAccount`

use crate::accounts::activation;
use crate::auth::Session;
use crate::xrpc::{Cx, Result};

pub async fn activate_account(cx: Cx<Session>) -> Result<()> {
    activation::activate(&cx.app, &cx.caller.account).await
}
