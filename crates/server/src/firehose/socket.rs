//! One subscriber's socket, from the upgrade to the close.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cairn_repo::frame;
use cairn_store::{Event, Subscription};
use futures_util::SinkExt;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use crate::app::App;
use crate::error::XrpcError;

use super::{Newcomer, NoSeat, Seat};

/// What a socket collects before it writes to the network. Frames are a few KiB.
const WRITE_BUFFER_BYTES: usize = 32 * 1024;
/// A slice of frames that must be taken within the send timeout.
const SLICE_BYTES: usize = 64 * 1024;
/// Clients have nothing to say; pings and closes are small.
const CLIENT_MESSAGE_BYTES: usize = 4 * 1024;
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// A peer that has not answered so many pings is gone.
const MISSED_PONGS: u32 = 3;
/// How long a peer may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// When a client with too many sockets may try again: those that it has lost are noticed by then.
const COME_BACK_SECONDS: u64 = 60;

/// Upgrades a request and follows the log from `cursor`.
///
/// # Errors
/// 426 without an upgrade, 503 when there are too many subscribers, 429 when there are too many from this client.
pub(crate) async fn follow(
    app: App,
    mut request: Parts,
    client_ip: IpAddr,
    cursor: Option<u64>,
) -> Result<Response, XrpcError> {
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut request, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(not_an_upgrade(&rejection)),
    };
    let is_free = app.limits.is_free(client_ip) || app.config.trusted_proxies.contains(client_ip);
    let user_agent = request.headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok());
    let newcomer = Newcomer {
        address: client_ip,
        user_agent: user_agent.unwrap_or_default().to_owned(),
        at: app.clock.now(),
        cursor,
        is_free,
    };
    let seat = app.subscribers.enter(newcomer).map_err(|none| match none {
        NoSeat::Full => XrpcError::unavailable("too many subscribers"),
        NoSeat::TooMany => XrpcError::rate_limited(COME_BACK_SECONDS)
            .saying("too many subscribers from this address"),
    })?;
    let tasks = app.tasks.clone();
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(CLIENT_MESSAGE_BYTES)
        .max_frame_size(CLIENT_MESSAGE_BYTES)
        .on_upgrade(move |socket| {
            tasks.track_future(async move {
                let mut subscriber = Subscriber::new(app, socket, seat);
                let end = subscriber.run(cursor).await;
                subscriber.close(end).await;
            })
        }))
}

fn not_an_upgrade(rejection: &WebSocketUpgradeRejection) -> Response {
    let message = format!("this is an event stream, open it as a WebSocket: {rejection}");
    let mut response =
        XrpcError::new(StatusCode::UPGRADE_REQUIRED, "UpgradeRequired", message).into_response();
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

/// How a subscription ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The peer left, or cannot be reached.
    Gone,
    /// The server stops.
    Stopping,
    /// The operator hangs up.
    HungUp,
    FutureCursor,
    TooSlow,
    Failed,
}

impl End {
    /// The error frame that says why, where there is something to say.
    fn error(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Gone | Self::Stopping | Self::HungUp => None,
            Self::FutureCursor => Some(("FutureCursor", "Cursor in the future.")),
            Self::TooSlow => Some(("ConsumerTooSlow", "Stream consumer too slow")),
            Self::Failed => Some(("InternalServerError", "Internal Server Error")),
        }
    }
}

struct Subscriber {
    app: App,
    socket: WebSocket,
    /// Held to the end of the socket.
    seat: Seat,
    pings: Interval,
    unanswered: u32,
}

impl Subscriber {
    fn new(app: App, socket: WebSocket, seat: Seat) -> Self {
        let period = app.config.firehose.ping_interval.max(Duration::from_millis(10));
        let mut pings = interval_at(Instant::now() + period, period);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { app, socket, seat, pings, unanswered: 0 }
    }

    /// A cursor beyond the newest event is in the future only when it is beyond the present as well: sequence numbers come
    /// from the clock, so it is one that this server gave before an older copy of its data was put back, and what
    /// comes next follows it. Relays never come back by themselves after a `FutureCursor`.
    async fn run(&mut self, cursor: Option<u64>) -> End {
        let events = self.app.store.events();
        if cursor.is_some_and(|cursor| cursor > events.head_seq().max(self.app.now_micros())) {
            return End::FutureCursor;
        }
        // Subscribed before the check, so that what the client is told about the window holds for what it gets.
        let mut subscription = events.subscribe(cursor);
        self.seat.begin_at(subscription.cursor());
        // Zero asks for whatever is left.
        if cursor.is_some_and(|cursor| cursor > 0) && subscription.has_missed_events() {
            let info = frame::info(
                "OutdatedCursor",
                Some("Requested cursor exceeded limit. Possibly missing events"),
            );
            if let Err(end) = self.send_slice(&mut [Bytes::from(info)].into_iter()).await {
                return end;
            }
        }
        self.pump(&mut subscription).await
    }

    async fn pump(&mut self, subscription: &mut Subscription) -> End {
        let ended = self.seat.ended();
        // One that waits for all of the time: there are as many rounds as batches.
        let mut ended = pin!(ended.cancelled());
        // Until the first batch, the place is the client's cursor: what lies behind it has been told already.
        let mut has_begun = false;
        loop {
            // The client's side comes before the events: a busy stream must not leave its pings unanswered.
            let outcome = tokio::select! {
                biased;
                () = &mut ended => Err(self.ended()),
                message = self.socket.recv() => self.heard(message),
                _ = self.pings.tick() => self.ping().await,
                batch = subscription.next_batch() => match batch {
                    Ok(batch) => {
                        has_begun = true;
                        self.send(batch).await
                    }
                    Err(err) => Err(self.log_failure(&err)),
                },
            };
            if let Err(end) = outcome {
                return end;
            }
            // Rows that were removed before this subscriber came to them are a gap that it must hear of.
            if has_begun && subscription.has_missed_events() {
                return End::TooSlow;
            }
        }
    }

    fn ended(&self) -> End {
        if self.app.stopping.is_cancelled() { End::Stopping } else { End::HungUp }
    }

    fn log_failure(&self, err: &cairn_store::StoreError) -> End {
        if self.app.stopping.is_cancelled() {
            return End::Stopping;
        }
        tracing::error!(error = %err, "the event log cannot be read");
        End::Failed
    }

    async fn send(&mut self, batch: Vec<Arc<Event>>) -> Result<(), End> {
        let (count, last) = (batch.len(), batch.last().map(|event| event.seq));
        let mut frames = batch.into_iter().map(|event| event.frame.clone());
        while frames.len() > 0 {
            self.send_slice(&mut frames).await?;
        }
        if let Some(last) = last {
            self.seat.note(count, last);
        }
        Ok(())
    }

    /// Sends a slice of frames, written together.
    async fn send_slice(&mut self, frames: &mut impl Iterator<Item = Bytes>) -> Result<(), End> {
        let send = async {
            let mut bytes = 0;
            for frame in frames {
                bytes += frame.len();
                self.socket.feed(Message::Binary(frame)).await?;
                if bytes >= SLICE_BYTES {
                    break;
                }
            }
            self.socket.flush().await
        };
        match timeout(self.app.config.firehose.send_timeout, send).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::TooSlow),
        }
    }

    /// Whatever the client says is a sign of life; only a close means something.
    fn heard(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        self.unanswered = 0;
        match message {
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
            Some(Ok(_)) => Ok(()),
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.unanswered >= MISSED_PONGS {
            return Err(End::Gone);
        }
        self.unanswered += 1;
        match timeout(
            self.app.config.firehose.send_timeout,
            self.socket.send(Message::Ping(Bytes::new())),
        )
        .await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::TooSlow),
        }
    }

    /// Says why, closes, and waits a moment for the peer to do the same.
    async fn close(mut self, end: End) {
        if end == End::Gone {
            return;
        }
        let goodbye = async {
            let (code, reason) = match end.error() {
                Some((name, message)) => {
                    self.socket
                        .send(Message::Binary(frame::error(name, Some(message)).into()))
                        .await?;
                    (close_code::POLICY, name)
                }
                // «Service restart»: some clients take 1000 and 1001 as the end of the stream and never come back.
                None if end == End::HungUp => (close_code::RESTART, "operator hangs up"),
                None => (close_code::RESTART, "server stops"),
            };
            self.socket
                .send(Message::Close(Some(CloseFrame { code, reason: reason.into() })))
                .await?;
            while let Some(Ok(_)) = self.socket.recv().await {}
            Ok::<(), axum::Error>(())
        };
        // A peer that does not take even this is closed without.
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    }
}
