//! Request bodies on their way through: how far they are, and whose turn it is.
//!
//! A client may take as long as it likes for a large body as long as it goes on; a service may be slow to take it and slow to
//! answer, but not stand still. So one clock runs, started anew by each piece.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::StatusCode;
use tokio::time::{Instant, sleep_until};

use crate::error::XrpcError;

/// A client that sends nothing of its body for this long is given up.
const CLIENT_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Client,
    Service,
}

/// Why a body did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    TooLarge,
    Broken,
}

struct State {
    turn: Turn,
    since: Instant,
    failure: Option<Failure>,
}

/// How a body gets on.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, turn: Turn, is_step: bool) {
        let mut state = self.lock();
        if is_step || state.turn != turn {
            state.since = Instant::now();
        }
        state.turn = turn;
    }

    fn fail(&self, failure: Failure) -> io::Error {
        self.lock().failure = Some(failure);
        io::Error::other("the request's body did not arrive")
    }

    /// What the client did wrong, if sending failed for that.
    pub(super) fn failure(&self) -> Option<XrpcError> {
        self.lock().failure.map(|failure| match failure {
            Failure::TooLarge => XrpcError::too_large(),
            Failure::Broken => XrpcError::invalid_request("the request body could not be read"),
        })
    }

    /// Waits until either side has stood still for too long.
    pub(super) async fn stalled(&self, service_patience: Duration) -> XrpcError {
        loop {
            let (turn, since) = {
                let state = self.lock();
                (state.turn, state.since)
            };
            let patience = match turn {
                Turn::Client => CLIENT_PATIENCE,
                Turn::Service => service_patience,
            };
            let end = since + patience;
            if Instant::now() < end {
                sleep_until(end).await;
                continue;
            }
            return match turn {
                Turn::Client => XrpcError::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "RequestTimeout",
                    "the request body did not arrive in time",
                ),
                Turn::Service => XrpcError::upstream_timeout("the service did not answer in time"),
            };
        }
    }
}

/// A body of at most so many bytes that notes its progress.
pub(super) struct Watched {
    pieces: BodyDataStream,
    left: u64,
    progress: Progress,
}

/// Watches a body from now on.
pub(super) fn watch(body: Body, max_bytes: u64) -> (Watched, Progress) {
    let state = State { turn: Turn::Service, since: Instant::now(), failure: None };
    let progress = Progress(Arc::new(Mutex::new(state)));
    let body =
        Watched { pieces: body.into_data_stream(), left: max_bytes, progress: progress.clone() };
    (body, progress)
}

impl Stream for Watched {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Poll::Ready(piece) = self.pieces.poll_next_unpin(cx) else {
            self.progress.note(Turn::Client, false);
            return Poll::Pending;
        };
        self.progress.note(Turn::Service, true);
        Poll::Ready(match piece {
            None => None,
            Some(Err(err)) => {
                tracing::debug!(error = %err, "a body that was passed on broke off");
                Some(Err(self.progress.fail(Failure::Broken)))
            }
            Some(Ok(piece)) => {
                let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                let Some(left) = self.left.checked_sub(size) else {
                    return Poll::Ready(Some(Err(self.progress.fail(Failure::TooLarge))));
                };
                self.left = left;
                Some(Ok(piece))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_stands_still_is_told_apart() {
        let (mut body, progress) =
            watch(Body::from_stream(futures_util::stream::pending::<io::Result<Bytes>>()), 10);
        let start = Instant::now();
        let err = progress.stalled(Duration::from_secs(10)).await;
        assert_eq!((err.status().as_u16(), start.elapsed().as_secs()), (504, 10));

        assert!(futures_util::poll!(body.next()).is_pending());
        let start = Instant::now();
        let err = progress.stalled(Duration::from_secs(10)).await;
        assert_eq!((err.status().as_u16(), start.elapsed().as_secs()), (408, 30));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_fails() {
        let (mut body, progress) = watch(Body::from("eleven bytes"), 11);
        assert!(body.next().await.unwrap().is_err());
        assert_eq!(progress.failure().unwrap().status(), 413);
    }
}
