//! `com.atproto.sync.getBlob`: the bytes of a blob, or a part of them.
//!
//! What people upload must not run as a page of this host: it comes as an attachment, sandboxed, with its type nailed down.
//! Spec: <https://atproto.com/specs/blob#security-considerations>.

use axum::body::Body;
use axum::response::Response;
use cairn_model::{Cid, Did};
use cairn_store::BlobFile;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::accounts::export::pieces;
use crate::auth::RepoReader;
use crate::compress::Verbatim;
use crate::error::XrpcError;
use crate::xrpc::{Cx, Params, Result};

use super::access::readable;
use super::range::{self, Wanted};

#[derive(Deserialize)]
pub struct BlobParams {
    did: Did,
    cid: Cid,
}

pub async fn get_blob(
    cx: Cx<RepoReader>,
    Params(BlobParams { did, cid }): Params<BlobParams>,
) -> Result<Response> {
    let account = readable(&cx, &did).await?;
    let blob = cx.app.store.open_blob(account.id, cid).await?;
    let blob = blob.ok_or_else(|| XrpcError::named("BlobNotFound", "Blob not found"))?;
    let etag = format!("\"{cid}\"");
    let is_public = matches!(cx.caller, RepoReader::Anyone);
    let mut response = if matches_etag(cx.headers(), header::IF_NONE_MATCH, &etag) {
        status_only(StatusCode::NOT_MODIFIED)
    } else {
        content(&blob, wanted(cx.headers(), &etag, blob.blob.size))
    };
    let headers = response.headers_mut();
    set(headers, header::ETAG, &etag);
    // The content of a CID never changes, but a takedown must reach caches: a day, not forever.
    let caching = if is_public {
        "public, max-age=86400, immutable"
    } else {
        "private, max-age=86400, immutable"
    };
    set(headers, header::CACHE_CONTROL, caching);
    set(headers, header::ACCEPT_RANGES, "bytes");
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    set(headers, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{cid}\""));
    response.extensions_mut().insert(Verbatim);
    Ok(response)
}

fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    if headers.contains_key(header::IF_RANGE) && !matches_etag(headers, header::IF_RANGE, etag) {
        return Wanted::Whole;
    }
    range::parse(headers.get(header::RANGE).and_then(|value| value.to_str().ok()), size)
}

fn matches_etag(headers: &HeaderMap, name: header::HeaderName, etag: &str) -> bool {
    let tags = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    tags.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn content(blob: &BlobFile, wanted: Wanted) -> Response {
    let size = blob.blob.size;
    let (status, first, end) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, size),
        Wanted::Part { first, last } => {
            (StatusCode::PARTIAL_CONTENT, first, last.saturating_add(1))
        }
        Wanted::Unsatisfiable => {
            let mut response = status_only(StatusCode::RANGE_NOT_SATISFIABLE);
            set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{size}"));
            return response;
        }
    };
    let mut response = Response::new(Body::from_stream(pieces(blob.clone(), first, end)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mime_type = HeaderValue::try_from(blob.blob.mime_type.as_str());
    headers.insert(
        header::CONTENT_TYPE,
        mime_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(header::CONTENT_LENGTH, (end - first).into());
    if status == StatusCode::PARTIAL_CONTENT {
        set(headers, header::CONTENT_RANGE, &format!("bytes {first}-{}/{size}", end - 1));
    }
    response
}

fn status_only(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
