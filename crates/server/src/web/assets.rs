//! Files that pages load: under a path with the hash of what they hold, so that browsers never ask twice.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use data_encoding::HEXLOWER;
use http::{HeaderValue, header};
use sha2::{Digest, Sha256};

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    url: String,
}

const HASH_CHARS: usize = 16;

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let files: [(&str, &str, &[u8]); 8] = [
        ("page.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/page.js")),
        ("charts.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/charts.js")),
        ("live.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/live.js")),
        (
            "recovery.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../assets/recovery.js"),
        ),
        ("passkey.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/passkey.js")),
        ("client.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/client.js")),
        ("watch.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/watch.js")),
        ("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    ];
    let asset = |(name, content_type, bytes): (&'static str, &'static str, &'static [u8])| {
        let hash = HEXLOWER.encode(&Sha256::digest(bytes));
        let hash = hash.get(..HASH_CHARS).unwrap_or(&hash);
        Asset { name, content_type, bytes, url: format!("/assets/{hash}/{name}") }
    };
    files.into_iter().map(asset).collect()
});

/// Where a file is. An unknown name is a mistake in the code, and a page without that file.
pub fn url(name: &str) -> &'static str {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    debug_assert!(found.is_some(), "no asset {name}");
    found.map_or("", |asset| asset.url.as_str())
}

/// The file at a path, if there is one.
pub(super) fn answer(path: &str) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.url == path)?;
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    Some(response)
}
