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
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::jobs;
use crate::read_away::ReadAway;
use crate::router;
use crate::stall::Stalling;

/// An idle connection is kept for this long, and a request's head may take as long.
const KEEP_ALIVE: Duration = Duration::from_secs(90);
/// A client that takes nothing of its answer for this long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(90);
/// The longest head of a request; also what a connection buffers of a body.
const MAX_HEAD_BYTES: usize = 128 * 1024;
/// Connections at once. The next ones wait in the listener's queue.
const MAX_CONNECTIONS: usize = 16 * 1024;
/// File descriptors that are not for connections: the database, blobs, requests to others.
const OTHER_FILES: usize = 512;
/// Requests and sockets have this long to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left), connections get this long to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    let http = Arc::new(http());
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(max_connections()));
    jobs::start(&app);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let app = app.clone();
        let begun = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&begun);
        let service = service_fn(move |request| {
            asked.store(true, Ordering::Relaxed);
            handle(app.clone(), request, peer)
        });
        let connection = http
            .serve_connection_with_upgrades(
                TokioIo::new(Stalling::new(stream, WRITE_PATIENCE)),
                service,
            )
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(err) = attend(connection, &begun).await {
                tracing::debug!(error = %err, %peer, "connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    stop(app, graceful).await;
    Ok(())
}

/// As many as leave the rest of the server the files that it needs.
fn max_connections() -> usize {
    let files = getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    MAX_CONNECTIONS.min(files - OTHER_FILES.min(files / 2)).max(1)
}

/// Runs a connection to its end, or until it is clear that nobody asks anything on it: the limit for the head counts from
/// its first byte on, and which version of HTTP is spoken has no limit at all.
async fn attend<E>(
    connection: impl Future<Output = Result<(), E>>,
    begun: &AtomicBool,
) -> Result<(), E> {
    let mut connection = std::pin::pin!(connection);
    match timeout(KEEP_ALIVE, &mut connection).await {
        Ok(ended) => ended,
        Err(_) if begun.load(Ordering::Relaxed) => connection.await,
        Err(_) => Ok(()),
    }
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(KEEP_ALIVE));
    builder
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, impl Send + 'static)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    let (stream, peer): (_, SocketAddr) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(err) => {
            tracing::warn!(error = %err, "a connection was not accepted");
            return None;
        }
    };
    // Answers are written whole; waiting for more only adds latency.
    let _ = stream.set_nodelay(true);
    Some((stream, peer.ip(), permit))
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

async fn stop(app: App, graceful: GracefulShutdown) {
    app.stopping.cancel();
    app.tasks.close();
    let finish = async {
        graceful.shutdown().await;
        app.tasks.wait().await;
    };
    if timeout(GRACE, finish).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}
