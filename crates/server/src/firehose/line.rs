//! An event in a line, for people.

use std::sync::Arc;

use cairn_model::{AtUri, Did};
use cairn_repo::frame::{self, Event, Op};
use jiff::Timestamp;
use serde::Serialize;

use crate::accounts::identity::shown_handle;
use crate::app::App;

/// What an event says, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    pub seq: u64,
    /// By the sequence number, which comes from the clock.
    pub time: String,
    /// `commit`, `sync`, `identity` or `account`.
    pub kind: &'static str,
    pub did: String,
    /// What the account is called now; empty if it is not here any more.
    pub handle: String,
    /// Of a commit.
    pub ops: Vec<Change>,
    /// Of any other event.
    pub what: String,
}

/// A change of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub action: &'static str,
    pub uri: String,
}

/// Puts events into lines; what cannot be read is left out.
pub(crate) async fn lines(app: &App, events: &[Arc<cairn_store::Event>]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(events.len());
    for event in events {
        let Ok(decoded) = frame::decode(&event.frame) else { continue };
        let Some((did, mut line)) = line(event.seq, decoded) else { continue };
        // Without the name, the DID is shown.
        if let Ok(Some(account)) = app.store.account(&did).await {
            line.handle = shown_handle(&account);
        }
        lines.push(line);
    }
    lines
}

fn line(seq: u64, event: Event) -> Option<(Did, Line)> {
    let (did, kind, ops, what) = match event {
        Event::Commit(commit) => {
            let ops = commit.ops.iter().map(|op| change(&commit.repo, op)).collect();
            (commit.repo, "commit", ops, String::new())
        }
        Event::Sync(sync) => (sync.did, "sync", Vec::new(), sync.rev.to_string()),
        Event::Identity(identity) => {
            let handle = identity.handle.map(|handle| handle.to_string()).unwrap_or_default();
            (identity.did, "identity", Vec::new(), handle)
        }
        Event::Account(account) => {
            let status = if account.active {
                "active".to_owned()
            } else {
                account.status.unwrap_or_default()
            };
            (account.did, "account", Vec::new(), status)
        }
        Event::Info { .. } | Event::Error { .. } => return None,
    };
    let (time, did_text) = (time(seq), did.to_string());
    Some((did, Line { seq, time, kind, did: did_text, handle: String::new(), ops, what }))
}

fn change(repo: &Did, op: &Op) -> Change {
    Change { action: op.action.as_str(), uri: AtUri::record(repo, &op.path).to_string() }
}

/// When an event was, by its sequence number.
pub(crate) fn time(seq: u64) -> String {
    let at = i64::try_from(seq).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    at.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
