//! `com.atproto.repo.listRecords`

use cairn_model::{AtIdentifier, Nsid, RecordKey};
use cairn_store::{ListedRecord, RecordRange};
use serde::Deserialize;

use crate::auth::Anyone;
use crate::records::{Answer, public_repo, write_record};
use crate::xrpc::{Cx, JsonText, Limit, Params, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListRecords {
    repo: AtIdentifier,
    collection: Nsid,
    #[serde(default)]
    limit: Limit<1, 100, 50>,
    cursor: Option<RecordKey>,
    #[serde(default)]
    reverse: bool,
    /// Interop: bounds, exclusive, that the lexicon used to have and clients still send.
    rkey_start: Option<RecordKey>,
    rkey_end: Option<RecordKey>,
}

/// JSON of a record is about this much larger than its DAG-CBOR, with its address.
const OVERHEAD_BYTES: usize = 256;

/// A page in the order of keys, the highest first unless `reverse` is set. An empty page is the last.
pub async fn list_records(cx: Cx<Anyone>, Params(params): Params<ListRecords>) -> Result<JsonText> {
    let account = public_repo(&cx.app, params.repo.clone()).await?;
    let range = RecordRange {
        cursor: params.start(),
        limit: u32::try_from(params.limit.get()).unwrap_or(u32::MAX),
        ascending: params.reverse,
    };
    let mut records = cx.app.store.list_records(account.id, &params.collection, range).await?;
    records.retain(|record| params.contains(&record.rkey));

    let mut answer = Answer::with_capacity(capacity(&records));
    answer.raw(r#"{"records":["#);
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            answer.raw(",");
        }
        let address = (&account.did, params.collection.as_str(), record.rkey.as_str());
        write_record(&mut answer, address, &record.cid, &record.bytes)?;
    }
    answer.raw("]");
    if let Some(last) = records.last() {
        answer.raw(r#","cursor":""#).plain(last.rkey.as_str()).raw("\"");
    }
    answer.raw("}");
    Ok(JsonText(answer.into_bytes()))
}

impl ListRecords {
    /// Where to start, exclusive: whichever of cursor and bound lies further on.
    fn start(&self) -> Option<RecordKey> {
        let cursor = self.cursor.clone();
        if self.reverse {
            return cursor.max(self.rkey_start.clone());
        }
        match (cursor, self.rkey_end.clone()) {
            (Some(cursor), Some(end)) => Some(cursor.min(end)),
            (cursor, end) => cursor.or(end),
        }
    }

    /// Whether a key lies between the bounds.
    fn contains(&self, rkey: &RecordKey) -> bool {
        self.rkey_start.as_ref().is_none_or(|start| rkey > start)
            && self.rkey_end.as_ref().is_none_or(|end| rkey < end)
    }
}

fn capacity(records: &[ListedRecord]) -> usize {
    records.iter().map(|record| record.bytes.len() * 5 / 4 + OVERHEAD_BYTES).sum::<usize>()
        + OVERHEAD_BYTES
}
