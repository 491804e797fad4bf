//! The firehose for a browser: server-sent events with a line of JSON each
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! A page shows what a person can read: from a stream that is faster, it gets the newest lines of each moment and how many it
//! was spared.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cairn_store::Subscription;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::app::App;
use crate::error::XrpcError;
use crate::xrpc::reply::json_body;

use super::line::lines;

/// Events from before the page was opened.
const RECENT: u32 = 50;
/// Pages that are open at once; each costs a decoded frame per event.
const VIEWERS: usize = 16;
/// The least time between two pieces.
const PACE: Duration = Duration::from_millis(250);
/// Lines in one piece.
const MAX_LINES: usize = 50;
/// Proxies cut connections on which nothing is said for a minute.
const SILENCE: Duration = Duration::from_secs(25);
/// Then the browser connects again, by itself, and has to be somebody who may look still.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// When to come back after all seats were taken.
const COME_BACK_SECONDS: u64 = 30;

/// Who may look at once.
pub struct Viewers(Arc<Semaphore>);

impl Viewers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(VIEWERS)))
    }
}

/// The last events and every one from now on. A browser that connects again says what it has seen.
///
/// # Errors
/// 503 when too many pages are open.
pub(crate) async fn live(app: &App, headers: &HeaderMap) -> Result<Response, XrpcError> {
    let seat = Arc::clone(&app.viewers.0).try_acquire_owned().map_err(|_| {
        XrpcError::unavailable("too many pages show the firehose").retry_after(COME_BACK_SECONDS)
    })?;
    let log = app.store.events();
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let cursor = match seen {
        Some(seq) => Some(seq),
        // Without the past, the page still shows what comes.
        None => log.cursor_before_last(RECENT).await.ok(),
    };
    let viewer = Viewer {
        subscription: log.subscribe(cursor),
        app: app.clone(),
        until: Instant::now() + LIFETIME,
        has_begun: false,
        _seat: seat,
    };
    let body = Body::from_stream(stream::unfold(viewer, |mut viewer| async move {
        let piece = viewer.next().await?;
        Some((Ok::<_, Infallible>(piece), viewer))
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

struct Viewer {
    app: App,
    subscription: Subscription,
    until: Instant,
    has_begun: bool,
    _seat: OwnedSemaphorePermit,
}

impl Viewer {
    async fn next(&mut self) -> Option<Bytes> {
        if Instant::now() >= self.until {
            return None;
        }
        let stopping = self.app.stopping.clone();
        let next = async {
            if self.has_begun {
                sleep(PACE).await;
            }
            self.has_begun = true;
            match timeout(SILENCE, self.subscription.next_batch()).await {
                Ok(Ok(batch)) => Some(self.piece(&batch).await),
                Ok(Err(_)) => None,
                // A comment, to show that somebody is there.
                Err(_) => Some(Bytes::from_static(b":\n\n")),
            }
        };
        tokio::select! {
            () = stopping.cancelled() => None,
            piece = next => piece,
        }
    }

    async fn piece(&self, batch: &[Arc<cairn_store::Event>]) -> Bytes {
        let spared = batch.len().saturating_sub(MAX_LINES);
        let mut text = Vec::new();
        if spared > 0 {
            text.extend_from_slice(format!("event: spared\ndata: {spared}\n\n").as_bytes());
        }
        for line in lines(&self.app, batch.get(spared..).unwrap_or_default()).await {
            text.extend_from_slice(format!("id: {}\ndata: ", line.seq).as_bytes());
            text.extend_from_slice(&json_body(&line));
            text.extend_from_slice(b"\n\n");
        }
        // A body has no empty pieces.
        if text.is_empty() { Bytes::from_static(b":\n\n") } else { text.into() }
    }
}
