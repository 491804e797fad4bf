//! Compression of responses, where the client asks for it and it pays.

use std::io;

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder};
use axum::body::Body;
use axum::response::Response;
use futures_util::TryStreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body as _;
use tokio_util::io::{ReaderStream, StreamReader};

/// Below this a packet is a packet.
const MIN_BYTES: u64 = 1_024;
/// What leaves the compressor at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Higher levels cost many times the processor time for a few percent.
const GZIP_LEVEL: Level = Level::Precise(3);
const BROTLI_LEVEL: Level = Level::Precise(3);

/// Marks a response that is sent as it is: blobs, and what is compressed already.
#[derive(Clone, Copy)]
pub(crate) struct Verbatim;

/// A content coding that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Brotli,
    Deflate,
}

impl Coding {
    /// The best coding by `Accept-Encoding`; among equals, the cheapest for us.
    pub(crate) fn accepted_by(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
        let mut best: Option<(u16, Self)> = None;
        for part in text.split(',') {
            let mut pieces = part.split(';');
            let name = pieces.next().unwrap_or_default().trim();
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(Some(1_000), weight);
            let (Some(coding), Some(weight)) = (Self::by_name(name), weight) else { continue };
            let better = best.is_none_or(|(known, other)| {
                weight > known || (weight == known && coding.rank() < other.rank())
            });
            if weight > 0 && better {
                best = Some((weight, coding));
            }
        }
        best.map(|(_, coding)| coding)
    }

    fn by_name(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" | "*" => Some(Self::Gzip),
            "br" => Some(Self::Brotli),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Gzip => 0,
            Self::Brotli => 1,
            Self::Deflate => 2,
        }
    }

    fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Deflate => "deflate",
        })
    }
}

/// A `q` value in thousandths.
fn weight(text: &str) -> Option<u16> {
    let value: f32 = text.trim().parse().ok()?;
    (0.0..=1.0).contains(&value).then_some((value * 1_000.0) as u16)
}

/// Compresses a response if that is wanted and worth it.
pub(crate) fn compress(mut response: Response, accepted: Option<Coding>) -> Response {
    if !is_candidate(&response) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(coding) = accepted else { return response };
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(header::CONTENT_ENCODING, coding.name());
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::ACCEPT_RANGES);
    Response::from_parts(parts, encoded(body, coding))
}

fn is_candidate(response: &Response) -> bool {
    let status = response.status();
    let plain = !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::PARTIAL_CONTENT
        && status != StatusCode::NOT_MODIFIED;
    plain
        && response.extensions().get::<Verbatim>().is_none()
        && !response.headers().contains_key(header::CONTENT_ENCODING)
        && response.body().size_hint().exact().is_none_or(|bytes| bytes >= MIN_BYTES)
        && is_compressible(response.headers())
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let kind = kind.split(';').next().unwrap_or_default();
    // An event stream has to arrive piece by piece.
    kind != "text/event-stream"
        && (kind.starts_with("text/")
            || matches!(
                kind,
                "application/json"
                    | "application/vnd.ipld.car"
                    | "application/javascript"
                    | "image/svg+xml"
            ))
}

fn encoded(body: Body, coding: Coding) -> Body {
    let reader = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    match coding {
        Coding::Gzip => stream(GzipEncoder::with_quality(reader, GZIP_LEVEL)),
        Coding::Brotli => stream(BrotliEncoder::with_quality(reader, BROTLI_LEVEL)),
        Coding::Deflate => stream(ZlibEncoder::with_quality(reader, GZIP_LEVEL)),
    }
}

fn stream(reader: impl tokio::io::AsyncRead + Send + 'static) -> Body {
    Body::from_stream(ReaderStream::with_capacity(reader, CHUNK_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, text.parse().unwrap());
        Coding::accepted_by(&headers)
    }

    #[test]
    fn the_clients_weights_decide() {
        assert_eq!(accepted("br, gzip, deflate"), Some(Coding::Gzip));
        assert_eq!(accepted("br;q=1, gzip;q=0.5"), Some(Coding::Brotli));
        assert_eq!(accepted("deflate"), Some(Coding::Deflate));
        assert_eq!(accepted("gzip;q=0"), None);
        assert_eq!(accepted("identity, zstd"), None);
        assert_eq!(accepted("gzip;q=nan, br;q=2"), None);
    }
}
