//! Unpacking an answer that is to be changed.

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder};
use bytes::Bytes;
use http::{HeaderMap, header};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("the content coding is unknown")]
    Coding,
    #[error("the answer exceeds {max_bytes} bytes when unpacked")]
    TooLarge { max_bytes: usize },
    #[error("the answer cannot be unpacked")]
    Broken(#[from] std::io::Error),
}

/// The content of a body, whatever coding it came in.
pub(super) async fn unpack(
    headers: &HeaderMap,
    body: &Bytes,
    max_bytes: usize,
) -> Result<Bytes, UnpackError> {
    let coding = match headers.get(header::CONTENT_ENCODING) {
        None => "identity",
        Some(value) => value.to_str().map_err(|_| UnpackError::Coding)?.trim(),
    };
    let is = |name: &str| coding.eq_ignore_ascii_case(name);
    if is("identity") {
        return Ok(body.clone());
    }
    let packed = body.as_ref();
    if is("gzip") || is("x-gzip") {
        return read(GzipDecoder::new(packed), max_bytes).await;
    }
    if is("br") {
        return read(BrotliDecoder::new(packed), max_bytes).await;
    }
    if is("deflate") {
        return read(ZlibDecoder::new(packed), max_bytes).await;
    }
    Err(UnpackError::Coding)
}

async fn read(reader: impl AsyncRead + Unpin, max_bytes: usize) -> Result<Bytes, UnpackError> {
    let mut content = Vec::new();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    reader.take(limit.saturating_add(1)).read_to_end(&mut content).await?;
    if content.len() > max_bytes {
        return Err(UnpackError::TooLarge { max_bytes });
    }
    Ok(content.into())
}
