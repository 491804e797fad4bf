//! `com.atproto.repo.importRepo`

use crate::accounts::import;
use crate::auth::Session;
use crate::xrpc::{Cx, Result, Upload};

/// Replaces the repository by the one in the CAR, once that is whole.
pub async fn import_repo(cx: Cx<Session>, mut body: Upload) -> Result<()> {
    let mut arriving = import::begin(&cx.app, &cx.caller.account).await?;
    while let Some(piece) = body.next().await? {
        arriving.push(piece).await?;
    }
    arriving.finish().await
}
