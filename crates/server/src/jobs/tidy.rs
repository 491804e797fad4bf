//! Removing what has expired: accounts whose owners left, sessions, mailed tokens, uploads that no record took, remains of deleted accounts.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::arrivals;
use crate::app::App;

/// How often what has expired is removed.
const PERIOD: Duration = Duration::from_secs(10 * 60);
/// How often the whole blob folder is walked for files that a crash left without a row.
const SWEEP_PERIOD: Duration = Duration::from_secs(24 * 3_600);

/// Tidies until the server stops. What is interrupted is taken up the next time.
pub(super) async fn keep_tidy(app: App) {
    let stopping = app.stopping.clone();
    let work = async {
        let mut swept: Option<Instant> = None;
        loop {
            tidy(&app).await;
            if swept.is_none_or(|swept| swept.elapsed() >= SWEEP_PERIOD) {
                sweep(&app).await;
                swept = Some(Instant::now());
            }
            sleep(PERIOD).await;
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = work => {}
    }
}

async fn tidy(app: &App) {
    if let Err(error) = arrivals::settle(app).await {
        tracing::warn!(%error, "accounts that were brought along are left for later");
    }
    match app.store.tidy().await {
        Ok(tidied) if tidied.due > 0 => {
            tracing::info!(?tidied, "deleted accounts whose time had come");
        }
        Ok(tidied) => tracing::debug!(?tidied, "removed what has expired"),
        Err(error) => tracing::warn!(%error, "what has expired is left for later"),
    }
}

async fn sweep(app: &App) {
    match app.store.sweep_blob_files().await {
        Ok(removed @ 1..) => tracing::info!(removed, "removed blob files without a row"),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the blob folder is left for later"),
    }
}
