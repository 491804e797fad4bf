//! When the program is asked to end, and how it speaks until then.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Log;
use crate::descriptors;

/// Ends with the first SIGTERM or SIGINT.
pub(crate) async fn requested() {
    let (Ok(mut term), Ok(mut int)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be awaited: the server ends only when it is killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!("ending");
}

/// Sends the log to standard error.
pub(crate) fn start_log(log: &Log) -> anyhow::Result<()> {
    let filter =
        tracing_subscriber::EnvFilter::try_new(&log.filter).context("`log` is not a log filter")?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if log.json { subscriber.json().try_init() } else { subscriber.try_init() };
    started.map_err(|err| anyhow::anyhow!(err)).context("the log was started before")
}

/// The runtime of the server.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    descriptors::take_all();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the async runtime")
}
