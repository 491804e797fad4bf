//! `com.atproto.server.getSession`

use crate::accounts::session::SessionAnswer;
use crate::auth::Session;
use crate::xrpc::{Cx, Json, Result};

pub async fn get_session(cx: Cx<Session>) -> Result<Json<SessionAnswer>> {
    Ok(Json(SessionAnswer::new(&cx.app, &cx.caller.account, None).await))
}
