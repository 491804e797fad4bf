//! Taking up changes of signing keys that were interrupted.

use std::time::Duration;

use tokio::time::sleep;

use crate::accounts::rotation;
use crate::app::App;
use crate::error::XrpcError;

const PERIOD: Duration = Duration::from_secs(10 * 60);

/// At the start, and then every ten minutes.
pub(super) async fn keep_level(app: App) {
    let stopping = app.stopping.clone();
    let work = async {
        loop {
            if let Err(error) = take_up(&app).await {
                tracing::warn!(%error, "changes of signing keys are left for later");
            }
            sleep(PERIOD).await;
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = work => {}
    }
}

async fn take_up(app: &App) -> Result<(), XrpcError> {
    for id in app.store.accounts_changing_keys().await? {
        let Some(account) = app.store.account(id).await? else { continue };
        if let Err(error) = rotation::take_up_again(app, &account).await {
            let did = &account.did;
            tracing::warn!(%did, %error, "the change of a signing key is left for later");
        }
    }
    Ok(())
}
