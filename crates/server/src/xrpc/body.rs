//! Request bodies: content types, content codings, limits, and the time a client may take.
//!
//! A limit counts decoded bytes; a `Content-Length` above it is refused before anything is read.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder};
use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::config::ServerConfig;
use crate::error::XrpcError;

use super::endpoint::{Endpoint, InputPolicy};

/// A client that sends nothing of its body for this long is given up.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A JSON body must be there after this long.
const JSON_TIMEOUT: Duration = Duration::from_secs(60);
/// Room that is reserved for a JSON body before any of it has come.
const JSON_RESERVE: u64 = 16 * 1024;

/// A streamed body: a blob or a CAR file.
pub struct Upload {
    /// As the client sent it, without parameters, in lower case.
    pub content_type: String,
    /// What the client announced; `None` for chunked or encoded bodies.
    pub content_length: Option<u64>,
    max_bytes: u64,
    seen_bytes: u64,
    stream: ByteStream,
}

type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, io::Error>> + Send>>;

impl Upload {
    /// The next piece, `None` at the end.
    ///
    /// # Errors
    /// 413 beyond the limit, 408 when the client stalls, 400 when the body breaks off or does not decode.
    pub async fn next(&mut self) -> Result<Option<Bytes>, XrpcError> {
        let next = tokio::time::timeout(IDLE_TIMEOUT, self.stream.next());
        let Some(piece) = next.await.map_err(|_| stalled())? else { return self.finish() };
        let piece = piece.map_err(broken)?;
        self.seen_bytes = self.seen_bytes.saturating_add(len_u64(piece.len()));
        if self.seen_bytes > self.max_bytes {
            return Err(XrpcError::too_large());
        }
        Ok(Some(piece))
    }

    fn finish(&self) -> Result<Option<Bytes>, XrpcError> {
        match self.content_length {
            Some(announced) if announced != self.seen_bytes => {
                Err(XrpcError::invalid_request("the body is not as long as Content-Length says"))
            }
            _ => Ok(None),
        }
    }
}

/// For methods without input: no body, or an empty one.
pub(crate) fn refuse(
    endpoint: &Endpoint,
    headers: &HeaderMap,
    body: &Body,
) -> Result<(), XrpcError> {
    // GET with a body is odd but harmless; the body is not read.
    if endpoint.kind != super::Kind::Procedure || body.is_end_stream() {
        return Ok(());
    }
    // Interop: clients send `Transfer-Encoding: chunked` with nothing in it, which cannot be told from a body that has
    // not come yet. Only an announced length is held against them.
    match content_length(headers)? {
        None | Some(0) => Ok(()),
        Some(_) => {
            Err(XrpcError::invalid_request("A request body was provided when none was expected"))
        }
    }
}

/// Reads a JSON body as a whole.
pub(crate) async fn read_json(
    headers: &HeaderMap,
    body: Body,
    max_bytes: u64,
) -> Result<Bytes, XrpcError> {
    read_typed(headers, body, "application/json", max_bytes).await
}

/// Reads the body of an HTML form as a whole.
pub(crate) async fn read_form(
    headers: &HeaderMap,
    body: Body,
    max_bytes: u64,
) -> Result<Bytes, XrpcError> {
    read_typed(headers, body, "application/x-www-form-urlencoded", max_bytes).await
}

async fn read_typed(
    headers: &HeaderMap,
    body: Body,
    expected: &str,
    max_bytes: u64,
) -> Result<Bytes, XrpcError> {
    require_presence(headers, &body)?;
    let content_type = content_type(headers)?;
    if content_type != expected {
        return Err(XrpcError::invalid_request(format!(
            "Wrong request encoding (Content-Type): {content_type}"
        )));
    }
    let bytes = read_whole(headers, body, max_bytes).await?;
    if bytes.is_empty() {
        return Err(XrpcError::invalid_request("Request body is expected but none was provided"));
    }
    Ok(bytes)
}

/// Reads a body of any type as a whole.
pub(crate) async fn read_whole(
    headers: &HeaderMap,
    body: Body,
    max_bytes: u64,
) -> Result<Bytes, XrpcError> {
    let announced = check_length(headers, max_bytes)?;
    let coding = coding(headers)?;
    let read = async {
        match coding {
            Coding::Identity => collect(body, max_bytes, announced.unwrap_or(0)).await,
            coding => collect(Body::from_stream(decoded(body, coding)), max_bytes, 0).await,
        }
    };
    tokio::time::timeout(JSON_TIMEOUT, read).await.map_err(|_| stalled())?
}

/// Takes the body as a stream.
pub(crate) fn upload(
    endpoint: &Endpoint,
    config: &ServerConfig,
    headers: &HeaderMap,
    body: Body,
) -> Result<Upload, XrpcError> {
    let max_bytes = match endpoint.input {
        InputPolicy::Blob => config.blob_upload_limit,
        InputPolicy::Car => config.import_limit.unwrap_or(u64::MAX),
        InputPolicy::None | InputPolicy::Json { .. } => {
            return Err(XrpcError::internal("endpoint takes no stream"));
        }
    };
    // The empty blob is a valid blob: an announced length of 0 passes here, no length and no body does not.
    if content_length(headers)?.is_none() && body.is_end_stream() {
        return Err(missing());
    }
    let content_type = content_type(headers)?;
    if endpoint.input == InputPolicy::Car && content_type != "application/vnd.ipld.car" {
        return Err(XrpcError::invalid_request(format!(
            "Wrong request encoding (Content-Type): {content_type}"
        )));
    }
    streamed(headers, body, content_type, max_bytes)
}

/// Takes a form with a file as a stream; what parts its fields is for the reader, who bounds what comes before the file. No
/// browser compresses forms, and what is compressed can become any size in one step.
pub(crate) fn file_form(headers: &HeaderMap, body: Body) -> Result<Upload, XrpcError> {
    let content_type = content_type(headers)?;
    if content_type != "multipart/form-data" {
        return Err(XrpcError::invalid_request(format!(
            "Wrong request encoding (Content-Type): {content_type}"
        )));
    }
    if coding(headers)? != Coding::Identity {
        return Err(XrpcError::unsupported_media("forms are not taken compressed"));
    }
    streamed(headers, body, content_type, u64::MAX)
}

fn streamed(
    headers: &HeaderMap,
    body: Body,
    content_type: String,
    max_bytes: u64,
) -> Result<Upload, XrpcError> {
    let announced = check_length(headers, max_bytes)?;
    let (stream, content_length): (ByteStream, _) = match coding(headers)? {
        Coding::Identity => (Box::pin(pieces(body)), announced),
        coding => (Box::pin(decoded(body, coding)), None),
    };
    Ok(Upload { content_type, content_length, max_bytes, seen_bytes: 0, stream })
}

fn require_presence(headers: &HeaderMap, body: &Body) -> Result<(), XrpcError> {
    if content_length(headers)? == Some(0) || body.is_end_stream() {
        Err(missing())
    } else {
        Ok(())
    }
}

fn missing() -> XrpcError {
    XrpcError::invalid_request("Request body is expected but none was provided")
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, XrpcError> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or_else(|| XrpcError::invalid_request("Content-Length is not a number"))
}

fn check_length(headers: &HeaderMap, max_bytes: u64) -> Result<Option<u64>, XrpcError> {
    let announced = content_length(headers)?;
    match announced {
        Some(length) if length > max_bytes => Err(XrpcError::too_large()),
        _ => Ok(announced),
    }
}

/// The media type without parameters, in lower case.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<String, XrpcError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Err(XrpcError::invalid_request(
            "Request encoding (Content-Type) required but not provided",
        ));
    };
    let text =
        value.to_str().map_err(|_| XrpcError::invalid_request("Content-Type is not text"))?;
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let well_formed =
        essence.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name));
    if well_formed {
        Ok(essence)
    } else {
        Err(XrpcError::invalid_request("Content-Type is malformed"))
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
}

fn coding(headers: &HeaderMap) -> Result<Coding, XrpcError> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Coding::Identity) };
    let text = value.to_str().unwrap_or_default().trim();
    let known = [
        ("identity", Coding::Identity),
        ("gzip", Coding::Gzip),
        ("x-gzip", Coding::Gzip),
        ("deflate", Coding::Deflate),
        ("br", Coding::Brotli),
    ];
    known
        .into_iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name))
        .map(|(_, coding)| coding)
        .ok_or_else(|| XrpcError::unsupported_media("unsupported content encoding"))
}

fn pieces(body: Body) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
    TryStreamExt::map_err(body.into_data_stream(), io::Error::other)
}

fn decoded(body: Body, coding: Coding) -> ByteStream {
    let reader = StreamReader::new(pieces(body));
    match coding {
        Coding::Identity => Box::pin(ReaderStream::new(reader)),
        Coding::Gzip => Box::pin(ReaderStream::new(GzipDecoder::new(reader))),
        Coding::Deflate => Box::pin(ReaderStream::new(ZlibDecoder::new(reader))),
        Coding::Brotli => Box::pin(ReaderStream::new(BrotliDecoder::new(reader))),
    }
}

/// Collects a body of at most `max_bytes`. A body that came in one piece is not copied.
async fn collect(mut body: Body, max_bytes: u64, announced: u64) -> Result<Bytes, XrpcError> {
    let Some(first) = next_piece(&mut body).await? else { return Ok(Bytes::new()) };
    let mut seen = len_u64(first.len());
    if seen > max_bytes {
        return Err(XrpcError::too_large());
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let reserve = announced.min(JSON_RESERVE).max(seen);
    let mut all = Vec::with_capacity(usize::try_from(reserve).unwrap_or(0));
    all.extend_from_slice(&first);
    while let Some(piece) = next_piece(&mut body).await? {
        seen = seen.saturating_add(len_u64(piece.len()));
        if seen > max_bytes {
            return Err(XrpcError::too_large());
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}

async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, XrpcError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(broken)?;
        if let Ok(piece) = frame.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// 408: the client takes too long with its body.
pub(crate) fn stalled() -> XrpcError {
    XrpcError::new(
        StatusCode::REQUEST_TIMEOUT,
        "RequestTimeout",
        "the request body did not arrive in time",
    )
}

fn broken(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> XrpcError {
    XrpcError::invalid_request("the request body could not be read or decoded").because(source)
}
