//! `com.atproto.server.deleteSession`

use cairn_store::TokenId;

use crate::auth::Refresh;
use crate::xrpc::{Cx, Result};

/// Ends the session of the refresh token, whether or not the token's time is up. Ending it twice is no error.
pub async fn delete_session(cx: Cx<Refresh>) -> Result<()> {
    if let Some(token) = TokenId::parse(&cx.caller.jti) {
        cx.app.store.delete_session(token).await?;
    }
    Ok(())
}
