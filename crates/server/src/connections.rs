//! Who may open another connection: so many in total, so many per client.
//!
//! What is refused is told why, in HTTP, by a few connections of its own; a flood that fills those too is hung up on.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::app::App;
use crate::error::XrpcError;
use crate::limits::{AddressSeat, AddressSeats};

/// File descriptors that are not for connections: the database, blobs, requests to others, refusals.
const OTHER_FILES: usize = 512;
/// Connections that are told at the same time that there is no room for them.
const REFUSALS: usize = 128;
/// How long one of them may take to ask and to hear.
const REFUSAL_TIME: Duration = Duration::from_secs(5);
/// When a client may try again: idle connections have ended by then.
const COME_BACK_SECONDS: u64 = 30;

/// Counts the open connections.
pub(crate) struct Connections {
    total: Arc<Semaphore>,
    by_address: Arc<AddressSeats>,
    refusals: Arc<Semaphore>,
}

/// A connection that is counted; dropping it makes room.
pub(crate) struct Seat {
    _total: OwnedSemaphorePermit,
    _own: Option<AddressSeat>,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many as the server takes.
    Full,
    /// This client has as many as one may have.
    TooMany,
}

impl Connections {
    pub(crate) fn new(app: &App) -> Self {
        let config = &app.config.connections;
        Self {
            total: Arc::new(Semaphore::new(room(config.max).min(Semaphore::MAX_PERMITS))),
            by_address: AddressSeats::new(config.max_per_address),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
        }
    }

    /// Counts a connection. Proxies have as many as they need: behind them are many clients.
    pub(crate) fn enter(&self, app: &App, peer: IpAddr) -> Result<Seat, Refusal> {
        let is_free = app.config.trusted_proxies.contains(peer) || app.limits.is_free(peer);
        let own =
            if is_free { None } else { Some(self.by_address.enter(peer).ok_or(Refusal::TooMany)?) };
        let total = Arc::clone(&self.total).try_acquire_owned().map_err(|_| Refusal::Full)?;
        Ok(Seat { _total: total, _own: own })
    }

    /// Tells a client why its connection is refused, if there is room for that.
    pub(crate) fn refuse(&self, stream: TcpStream, refusal: Refusal) {
        let Ok(turn) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let answer = service_fn(move |_| async move { Ok::<_, Infallible>(response(refusal)) });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(REFUSAL_TIME).keep_alive(false);
            // Whatever becomes of it, the client is gone afterwards.
            let _ =
                timeout(REFUSAL_TIME, http.serve_connection(TokioIo::new(stream), answer)).await;
            drop(turn);
        });
    }
}

fn response(refusal: Refusal) -> Response<Body> {
    let err = match refusal {
        Refusal::Full => XrpcError::unavailable("the server has too many connections"),
        Refusal::TooMany => XrpcError::rate_limited(COME_BACK_SECONDS)
            .saying("too many connections from this address"),
    };
    let mut response = err.retry_after(COME_BACK_SECONDS).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// As many as leave the rest of the server the files that it needs.
fn room(wanted: usize) -> usize {
    let files = getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    wanted.min(files - OTHER_FILES.min(files / 2)).max(1)
}
