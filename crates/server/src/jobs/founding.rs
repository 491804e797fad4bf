//! Taking back DIDs that were registered for accounts which then were not made, because the server was killed or the
//! directory could not be reached in between.

use std::time::Duration;

use cairn_identity::PlcClientError;
use cairn_identity::plc::sign_tombstone;
use cairn_model::Did;
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use crate::app::App;
use crate::error::XrpcError;

const PERIOD: Duration = Duration::from_secs(10 * 60);
/// No account is in the making for so long.
const IN_THE_MAKING: SignedDuration = SignedDuration::from_mins(10);

/// Takes back what the process before left, at `start`, and later what this one leaves.
pub(super) async fn keep_level(app: App, start: Timestamp) {
    let stopping = app.stopping.clone();
    let work = async {
        loop {
            let long_ago = app.clock.now().saturating_sub(IN_THE_MAKING).unwrap_or(start);
            if let Err(error) = take_back(&app, start.max(long_ago)).await {
                tracing::warn!(%error, "did:plc identities without an account are left for later");
            }
            sleep(PERIOD).await;
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = work => {}
    }
}

async fn take_back(app: &App, before: Timestamp) -> Result<(), XrpcError> {
    for did in app.store.foundings(before).await? {
        match end(app, &did).await {
            Ok(()) => app.store.end_founding(&did).await?,
            Err(error) => {
                tracing::warn!(%did, %error, "a did:plc identity without an account could not be taken back")
            }
        }
    }
    Ok(())
}

/// Ends a DID of which nothing but its genesis is known. One that the directory never heard of needs no end, and one that
/// has gone on is somebody's.
async fn end(app: &App, did: &Did) -> Result<(), PlcClientError> {
    let last = match app.plc.get_last_op(did).await {
        Ok(last) => last,
        Err(PlcClientError::Directory { status: 404 | 410, .. }) => return Ok(()),
        Err(err) => return Err(err),
    };
    if last.prev().is_some() {
        return Ok(());
    }
    app.plc.submit(did, &sign_tombstone(last.cid(), &app.rotation_key)).await?;
    tracing::info!(%did, "took back a did:plc identity that has no account");
    Ok(())
}
