//! The HTTP server: connections in, responses out, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::header;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1::{self, UpgradeableConnection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::connections::{Connections, Seat};
use crate::jobs;
use crate::read_away::ReadAway;
use crate::router;
use crate::stall::Stalling;

/// A proxy's idle connection is kept for this long, and a request's head may take as long there. Longer than proxies keep
/// theirs, so that none is closed under a request.
const KEEP_ALIVE: Duration = Duration::from_secs(90);
/// A client that takes nothing of its answer for this long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(90);
/// The longest head of a request; also what a connection buffers of a body. A longer one is answered 431 without a body, as
/// is one of more than a hundred lines.
const MAX_HEAD_BYTES: usize = 128 * 1024;
/// Requests and sockets have this long to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left), connections get this long to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A connection as HTTP sees it.
type Stream = TokioIo<Stalling<TcpStream, Seat>>;

/// Serves until `shutdown` resolves, then lets what is under way finish, for at most a few seconds.
///
/// # Errors
/// When the listener itself is broken.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.local_addr()?;
    let patience = app.config.connections.head_timeout;
    let (for_clients, for_proxies) = (http(patience), http(patience.max(KEEP_ALIVE)));
    let open = TaskTracker::new();
    let connections = Connections::new(&app);
    jobs::start(&app);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener) => accepted,
        };
        let Some((stream, peer)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let seat = match connections.enter(&app, peer) {
            Ok(seat) => seat,
            Err(refusal) => {
                connections.refuse(stream, refusal);
                continue;
            }
        };
        let is_proxy = app.config.trusted_proxies.contains(peer);
        let (http, patience) = if is_proxy {
            (&for_proxies, patience.max(KEEP_ALIVE))
        } else {
            (&for_clients, patience)
        };
        let (app, stopping) = (app.clone(), app.stopping.clone());
        let begun = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&begun);
        let service = service_fn(move |request| {
            asked.store(true, Ordering::Relaxed);
            handle(app.clone(), request, peer)
        });
        let stream: Stream = TokioIo::new(Stalling::new(stream, WRITE_PATIENCE, seat));
        let connection = http.serve_connection(stream, service).with_upgrades();
        open.spawn(async move {
            if let Err(err) = attend(connection, &begun, patience, &stopping).await {
                tracing::debug!(error = %err, %peer, "connection ended");
            }
        });
    }
    drop(listener);
    stop(app, open).await;
    Ok(())
}

/// Runs a connection to its end, or until it is clear that nobody asks anything on it: the limit for the head counts from
/// its first byte on. When the server stops, the request that is under way is the last one.
async fn attend<S>(
    connection: UpgradeableConnection<Stream, S>,
    begun: &AtomicBool,
    patience: Duration,
    stopping: &CancellationToken,
) -> hyper::Result<()>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connection = std::pin::pin!(connection);
    let mut silence = std::pin::pin!(sleep(patience));
    let mut may_be_silent = true;
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = silence.as_mut(), if may_be_silent => {
                if !begun.load(Ordering::Relaxed) {
                    return Ok(());
                }
                may_be_silent = false;
            }
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                return connection.await;
            }
        }
    }
}

/// HTTP/1.1 alone, which is what reverse proxies speak to the servers behind them, and what WebSockets need. In HTTP/2 a
/// client could hold many requests open on one counted connection, past the limits for heads and for answers that nobody
/// takes; a client that begins with its preface is hung up on.
fn http(patience: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(MAX_HEAD_BYTES);
    builder
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, IpAddr)> {
    let (stream, peer): (_, SocketAddr) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(err) => {
            tracing::warn!(error = %err, "a connection was not accepted");
            return None;
        }
    };
    // Answers are written whole; waiting for more only adds latency.
    let _ = stream.set_nodelay(true);
    Some((stream, peer.ip()))
}

async fn handle(
    app: App,
    request: http::Request<Incoming>,
    peer: IpAddr,
) -> Result<http::Response<Body>, Infallible> {
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let request = request.map(|body| {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(ReadAway::new(body, expects_continue))
    });
    Ok(router::answer(app, request, peer).await)
}

async fn stop(app: App, open: TaskTracker) {
    app.stopping.cancel();
    app.tasks.close();
    open.close();
    let finish = async {
        open.wait().await;
        app.tasks.wait().await;
    };
    if timeout(GRACE, finish).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}
