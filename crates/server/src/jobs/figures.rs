//! Looking at the numbers now and then, so that they can be shown over time.

use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::figures::{self, PERIOD};

/// Samples until the server stops.
pub(super) async fn keep_samples(app: App) {
    let stopping = app.stopping.clone();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let looking = app.clone();
        let sample =
            tokio::task::spawn_blocking(move || figures::sample(&looking, looking.clock.now()));
        match sample.await {
            Ok(sample) => app.figures.keep(sample),
            Err(error) => tracing::error!(%error, "the figures were not looked at"),
        }
    }
}
