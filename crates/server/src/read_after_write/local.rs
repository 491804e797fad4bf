//! What the caller has written since the AppView last looked.

use cairn_model::{Datetime, Nsid, Tid, cbor};
use cairn_store::RecentRecord;
use jiff::Timestamp;
use serde_json::Value;

use crate::auth::Session;
use crate::error::XrpcError;
use crate::xrpc::Cx;

const PROFILE: &str = "app.bsky.actor.profile";
pub(super) const PROFILE_PATH: &str = "app.bsky.actor.profile/self";
pub(super) const POST: &str = "app.bsky.feed.post";
/// An AppView that is further behind than this needs more than a patch.
const MAX_RECORDS: usize = 10;

/// A record that the AppView does not know.
#[derive(Debug)]
pub(super) struct LocalRecord {
    pub(super) uri: String,
    pub(super) cid: String,
    pub(super) written_at: Timestamp,
    pub(super) record: Value,
}

impl LocalRecord {
    /// The address of what this post answers to: `root` or `parent`.
    pub(super) fn reply_to(&self, which: &str) -> Option<&str> {
        reply_to(&self.record, which)
    }

    /// When it was written, as it stands in views.
    pub(super) fn indexed_at(&self) -> String {
        Datetime::from_timestamp(self.written_at).as_str().to_owned()
    }
}

/// The address of what a post answers to.
pub(super) fn reply_to<'a>(post: &'a Value, which: &str) -> Option<&'a str> {
    post.get("reply")?.get(which)?.get("uri")?.as_str()
}

/// Records that the AppView does not know, oldest first.
#[derive(Debug)]
pub(super) struct LocalRecords {
    pub(super) profile: Option<LocalRecord>,
    pub(super) posts: Vec<LocalRecord>,
}

impl LocalRecords {
    /// The post at an address with the DID.
    pub(super) fn post(&self, uri: &str) -> Option<&LocalRecord> {
        self.posts.iter().find(|post| post.uri == uri)
    }

    /// How long the oldest of them has been waiting.
    pub(super) fn lag_ms(&self, now: Timestamp) -> u64 {
        let all = self.posts.iter().chain(&self.profile);
        let oldest = all.map(|record| record.written_at).min().unwrap_or(now);
        u64::try_from(now.duration_since(oldest).as_millis()).unwrap_or(0)
    }
}

/// The caller's records that a service does not know which has followed the repository up to `rev`; `None` if it knows everything.
///
/// A failure here is logged and passes for nothing: the answer is there already.
pub(super) async fn unknown_to(cx: &Cx<Session>, rev: Option<Tid>) -> Option<LocalRecords> {
    let rev = rev?;
    let collections = [PROFILE, POST].into_iter().filter_map(|nsid| Nsid::parse(nsid).ok());
    let account = &cx.caller.account;
    let found =
        cx.app.store.records_since(account.id, rev, collections.collect(), MAX_RECORDS).await;
    let records = found.map_err(XrpcError::from).and_then(|found| {
        found.iter().map(|record| read(account.did.as_str(), record)).collect::<Result<Vec<_>, _>>()
    });
    match records {
        Ok(records) => sort(records),
        Err(err) => {
            tracing::error!(error = %err, "the records that an AppView does not know");
            None
        }
    }
}

fn sort(records: Vec<LocalRecord>) -> Option<LocalRecords> {
    let (profiles, posts): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|record| record.uri.contains(PROFILE));
    let profile = profiles.into_iter().find(|record| record.uri.ends_with(PROFILE_PATH));
    (profile.is_some() || !posts.is_empty()).then_some(LocalRecords { profile, posts })
}

fn read(did: &str, record: &RecentRecord) -> Result<LocalRecord, XrpcError> {
    let micros = i64::try_from(record.rev.micros()).map_err(XrpcError::internal)?;
    Ok(LocalRecord {
        uri: format!("at://{did}/{}", record.path),
        cid: record.cid.to_string(),
        written_at: Timestamp::from_microsecond(micros).map_err(XrpcError::internal)?,
        record: json_of(&record.bytes)?,
    })
}

/// A stored record as JSON.
pub(super) fn json_of(record: &[u8]) -> Result<Value, XrpcError> {
    let mut json = Vec::with_capacity(record.len() * 2);
    cbor::write_json(record, &mut json).map_err(XrpcError::internal)?;
    serde_json::from_slice(&json).map_err(XrpcError::internal)
}
