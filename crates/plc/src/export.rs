//! The export: all operations of all DIDs in order, by page (JSON lines) and as a stream (WebSocket).

use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cairn_identity::plc::{Operation, timestamp};
use cairn_model::{Cid, Did};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::error::DirectoryError;
use crate::routes::RouteError;
use crate::storage::Stored;

/// The largest page, and the page that is given unasked.
const MAX_COUNT: u32 = 1000;
const STREAM_PAGE: u32 = 500;
/// How far back a stream starts; older operations are to be had by page.
const CATCH_UP: Duration = Duration::from_secs(7 * 24 * 3600);
/// A reader that takes no message for this long is cut off.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// An operation in the order of all operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "sequenced_op", rename_all = "camelCase")]
pub struct SequencedOp {
    /// The DID that it belongs to.
    pub did: Did,
    /// The signed operation.
    pub operation: Operation,
    /// Its CID.
    pub cid: Cid,
    /// When it was taken in.
    #[serde(with = "timestamp")]
    pub created_at: Timestamp,
    /// Its place; rises strictly, with gaps.
    pub seq: i64,
}

impl From<Stored> for SequencedOp {
    fn from(stored: Stored) -> Self {
        let Stored { seq, entry } = stored;
        let (did, operation, cid) = (entry.did, entry.operation, entry.cid);
        Self { did, operation, cid, created_at: entry.created_at, seq }
    }
}

/// The export's query, as the client sent it. Empty values count as absent.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ExportQuery {
    count: Option<String>,
    after: Option<String>,
}

/// The stream's query, as the client sent it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamQuery {
    cursor: Option<String>,
}

/// Gives a page: with sequence numbers when `after` is a number, in the older form when it is an instant or absent.
pub(crate) async fn page(
    directory: &Directory,
    query: &ExportQuery,
) -> Result<Response, RouteError> {
    let count = match non_empty(query.count.as_deref()) {
        None => MAX_COUNT,
        Some(count) => match count.parse::<u32>() {
            Ok(count @ 1..) => count.min(MAX_COUNT),
            _ => return Err(RouteError::Parameter("count")),
        },
    };
    let after = non_empty(query.after.as_deref());
    let Some(after) = after else {
        return lines(&directory.export_since(Timestamp::MIN, count).await?);
    };
    if after.bytes().all(|byte| byte.is_ascii_digit()) {
        let after = after.parse().map_err(|_| RouteError::Parameter("after"))?;
        return lines(&directory.export(after, count).await?);
    }
    let after = after.parse().map_err(|_| RouteError::Parameter("after"))?;
    lines(&directory.export_since(after, count).await?)
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn lines(entries: &[impl Serialize]) -> Result<Response, RouteError> {
    let lines: Result<Vec<String>, _> = entries.iter().map(serde_json::to_string).collect();
    let body = Body::from(lines.map_err(RouteError::Serialize)?.join("\n"));
    Ok(([(header::CONTENT_TYPE, "application/jsonlines")], body).into_response())
}

/// Why a stream ends, as the specification names it.
#[derive(Clone, Copy, Debug)]
enum StreamEnd {
    FutureCursor,
    OutdatedCursor,
    ConsumerTooSlow,
    /// The reader has gone, or this side ends.
    Gone,
}

impl StreamEnd {
    const fn reason(self) -> &'static str {
        match self {
            Self::FutureCursor => "FutureCursor",
            Self::OutdatedCursor => "OutdatedCursor",
            Self::ConsumerTooSlow => "ConsumerTooSlow",
            Self::Gone => "",
        }
    }
}

/// Where a stream starts: after the cursor, or with what comes next.
pub(crate) fn stream_start(
    directory: &Directory,
    query: &StreamQuery,
) -> Result<Start, RouteError> {
    let Some(cursor) = non_empty(query.cursor.as_deref()) else {
        return Ok(Start::Head(*directory.head().borrow()));
    };
    match cursor.parse() {
        Ok(cursor @ 0..) => Ok(Start::Cursor(cursor)),
        _ => Err(RouteError::Parameter("cursor")),
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    Head(i64),
    Cursor(i64),
}

/// Sends operations until the reader goes or falls behind. Pages are read from storage as the reader takes them, so
/// a slow reader costs no memory here.
pub(crate) async fn stream(directory: Directory, start: Start, mut socket: WebSocket) {
    let end = match follow(&directory, start, &mut socket).await {
        Ok(end) => end,
        Err(error) => {
            tracing::error!(%error, "export stream failed");
            StreamEnd::Gone
        }
    };
    let frame = CloseFrame { code: close_code::NORMAL, reason: end.reason().into() };
    // The reader may have gone already.
    let _ = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
}

async fn follow(
    directory: &Directory,
    start: Start,
    socket: &mut WebSocket,
) -> Result<StreamEnd, DirectoryError> {
    let mut head = directory.head();
    let mut after = match start {
        Start::Head(seq) => seq,
        Start::Cursor(seq) => {
            if let Some(end) = check_cursor(directory, seq).await? {
                return Ok(end);
            }
            seq
        }
    };
    loop {
        head.mark_unchanged();
        let page = directory.export(after, STREAM_PAGE).await?;
        if page.is_empty() {
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return Ok(StreamEnd::Gone) },
                received = socket.recv() => if !matches!(received, Some(Ok(_))) {
                    return Ok(StreamEnd::Gone);
                },
            }
        }
        for operation in page {
            after = operation.seq;
            let Ok(text) = serde_json::to_string(&operation) else {
                return Err(DirectoryError::Damaged { seq: operation.seq });
            };
            let sending = socket.send(Message::Text(text.into()));
            match tokio::time::timeout(SEND_TIMEOUT, sending).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(StreamEnd::Gone),
                Err(_) => return Ok(StreamEnd::ConsumerTooSlow),
            }
        }
    }
}

async fn check_cursor(
    directory: &Directory,
    cursor: i64,
) -> Result<Option<StreamEnd>, DirectoryError> {
    if cursor > *directory.head().borrow() {
        return Ok(Some(StreamEnd::FutureCursor));
    }
    let next = directory.export(cursor, 1).await?;
    let oldest = directory.now().checked_sub(CATCH_UP).unwrap_or(Timestamp::MIN);
    let outdated = next.first().is_some_and(|next| next.created_at < oldest);
    Ok(outdated.then_some(StreamEnd::OutdatedCursor))
}
