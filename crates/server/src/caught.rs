//! How handlers of all kinds are run: a panic costs one request, and what changes something is done to its end, whether or not
//! whoever asked for it still listens.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::app::App;
use crate::error::XrpcError;

/// Runs a handler. What only reads ends when its client leaves; what `changes` something is done to its end, and a server that
/// stops waits for it.
///
/// # Errors
/// 500 when the handler panics.
pub(crate) async fn run<T: Send + 'static>(
    app: &App,
    changes: bool,
    running: impl Future<Output = T> + Send + 'static,
) -> Result<T, XrpcError> {
    if changes {
        app.tasks.spawn(caught(running)).await.map_err(XrpcError::internal)?
    } else {
        caught(running).await
    }
}

/// # Errors
/// 500 when the handler panics.
pub(crate) async fn caught<T>(running: impl Future<Output = T>) -> Result<T, XrpcError> {
    let outcome = AssertUnwindSafe(running).catch_unwind().await;
    outcome.map_err(|panic| XrpcError::internal(Panicked::from(panic)))
}

/// A handler panicked: a bug, answered with 500.
#[derive(Debug, thiserror::Error)]
#[error("handler panicked: {0}")]
struct Panicked(String);

impl From<Box<dyn Any + Send>> for Panicked {
    fn from(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
    }
}
