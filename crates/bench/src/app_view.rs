//! A service for the rows that pass requests on: answers every query with a timeline, at almost no cost of its own.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

/// Up to which revision the service claims to know repositories.
#[derive(Debug, Clone)]
pub(crate) struct AppView {
    rev: Arc<Mutex<String>>,
}

impl AppView {
    /// Listens on loopback.
    pub(crate) async fn start(port: u16) -> anyhow::Result<AppView> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("listening on port {port}"))?;
        let rev = Arc::new(Mutex::new("2222222222222".to_owned()));
        let body = Bytes::from(serde_json::to_vec(&timeline())?);
        let app_view = AppView { rev };
        let shared = app_view.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Small answers must not wait for acknowledgements; without it they are only slower.
                let _ = stream.set_nodelay(true);
                let (shared, body) = (shared.clone(), body.clone());
                let answer =
                    service_fn(move |request| answer(shared.clone(), body.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Ok(app_view)
    }

    /// From now on it claims to know everything up to `rev`.
    pub(crate) fn knows_up_to(&self, rev: &str) {
        rev.clone_into(&mut self.rev.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn answer(
    app_view: AppView,
    body: Bytes,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    // What does not arrive whole is the caller's failure, and shows there.
    let _ = request.into_body().collect().await;
    let rev = app_view.rev.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    if let Ok(rev) = http::HeaderValue::from_str(&rev) {
        headers.insert("atproto-repo-rev", rev);
    }
    Ok(response)
}

/// Fifty posts of somebody, as an AppView shows them.
fn timeline() -> serde_json::Value {
    let did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    let cid = "bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq";
    let posts: Vec<_> = (0..50)
        .map(|number| {
            json!({ "post": {
                "uri": format!("at://{did}/app.bsky.feed.post/3jzfcijpj2z{:02}", number + 20),
                "cid": cid,
                "author": { "did": did, "handle": "somebody.test", "displayName": "Somebody" },
                "record": {
                    "$type": "app.bsky.feed.post",
                    "text": format!("The {number}th thing that somebody had to say that day, in a sentence of the usual length."),
                    "createdAt": "2026-11-01T10:00:00.000Z"
                },
                "replyCount": 1, "repostCount": 2, "likeCount": 3, "quoteCount": 0,
                "indexedAt": "2026-11-01T10:00:00.000Z",
                "viewer": { "threadMuted": false, "embeddingDisabled": false },
                "labels": []
            } })
        })
        .collect();
    json!({ "cursor": "2026-11-01T10:00:00.000Z", "feed": posts })
}
