//! The firehose for a browser: server-sent events with a line of JSON each.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cairn_repo::frame::{self, Event};
use cairn_store::Subscription;
use futures_util::stream;
use http::{HeaderValue, header};
use serde::Serialize;

use crate::app::App;

use super::super::{Call, typed};

#[derive(Serialize)]
struct Line {
    seq: u64,
    kind: &'static str,
    did: String,
    what: String,
}

/// Events from before the page was opened.
const RECENT: u32 = 50;

/// `/dev/events`: the last events and every one from now on. A browser that connects again says what it has seen.
pub(super) async fn events(call: Call) -> Response {
    let (app, headers) = (&call.app, &call.parts.headers);
    let log = app.store.events();
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let cursor = match seen {
        Some(seq) => Some(seq),
        // Without the past, the page still shows what comes.
        None => log.cursor_before_last(RECENT).await.ok(),
    };
    let follower = Follower { subscription: log.subscribe(cursor), app: app.clone() };
    let body = Body::from_stream(stream::unfold(follower, |mut follower| async move {
        let chunk = follower.next().await?;
        Some((Ok::<_, Infallible>(chunk), follower))
    }));
    let mut response = typed("text/event-stream", body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

struct Follower {
    app: App,
    subscription: Subscription,
}

impl Follower {
    async fn next(&mut self) -> Option<Bytes> {
        let batch = tokio::select! {
            () = self.app.stopping.cancelled() => return None,
            batch = self.subscription.next_batch() => batch.ok()?,
        };
        let mut text = Vec::new();
        for event in batch {
            if let Some(line) = frame::decode(&event.frame).ok().and_then(line) {
                text.extend_from_slice(format!("id: {}\ndata: ", line.seq).as_bytes());
                text.extend_from_slice(&crate::xrpc::reply::json_body(&line));
                text.extend_from_slice(b"\n\n");
            }
        }
        Some(text.into())
    }
}

fn line(event: Event) -> Option<Line> {
    Some(match event {
        Event::Commit(commit) => {
            let ops: Vec<String> =
                commit.ops.iter().map(|op| format!("{} {}", op.action.as_str(), op.path)).collect();
            Line {
                seq: commit.seq,
                kind: "commit",
                did: commit.repo.to_string(),
                what: ops.join(", "),
            }
        }
        Event::Sync(sync) => Line {
            seq: sync.seq,
            kind: "sync",
            did: sync.did.to_string(),
            what: sync.rev.to_string(),
        },
        Event::Identity(identity) => Line {
            seq: identity.seq,
            kind: "identity",
            did: identity.did.to_string(),
            what: identity.handle.map(|handle| handle.to_string()).unwrap_or_default(),
        },
        Event::Account(account) => Line {
            seq: account.seq,
            kind: "account",
            did: account.did.to_string(),
            what: if account.active {
                "active".to_owned()
            } else {
                account.status.unwrap_or_default()
            },
        },
        _ => return None,
    })
}
