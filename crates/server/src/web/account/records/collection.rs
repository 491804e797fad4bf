//! The records of a collection, by pages: each begins where the one before it ended, however many there are.

use askama::Template;
use cairn_model::{Limits, Nsid, RecordKey, Value, cbor};
use cairn_store::{AccountId, ListedRecord, MAX_LIST_BYTES, RecordRange};
use jiff::Timestamp;

use super::super::super::format::time;
use super::super::super::i18n::Text;
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;
use super::collections::known;

/// Records on one page.
const PAGE: usize = 50;
/// Of what a record says, so many characters stand in the list.
const SUMMARY_CHARS: usize = 160;

#[derive(Template)]
#[template(path = "account/records/collection.html")]
struct Collection {
    page: Page,
    t: Text,
    base: String,
    collection: Nsid,
    records: Vec<Row>,
    newer: String,
    older: String,
}

struct Row {
    rkey: RecordKey,
    summary: String,
    at: Option<String>,
}

/// A page of records, the newest first, and whether there are more on either side.
struct Found {
    records: Vec<ListedRecord>,
    has_newer: bool,
    has_older: bool,
}

pub async fn show(visit: Visit) -> PageResult {
    let (t, account) = (visit.t, &visit.account()?.account);
    let collection = super::collection_of(&visit)?;
    let found = find(&visit, account.id, &collection).await?;
    let base = Local::of_account(&account.did, "/records").to_string();
    let link = |name: &str, at: Option<&ListedRecord>| {
        let Some(record) = at else { return String::new() };
        format!("{base}/{collection}?{name}={}", record.rkey)
    };
    let newer = link("before", found.records.first().filter(|_| found.has_newer));
    let older = link("after", found.records.last().filter(|_| found.has_older));
    let title = known(t, collection.as_str()).unwrap_or(collection.as_str()).to_owned();
    visit.html(&Collection {
        page: visit.page(title),
        t,
        base,
        collection,
        records: found.records.into_iter().map(row).collect(),
        newer,
        older,
    })
}

async fn find(
    visit: &Visit,
    account: AccountId,
    collection: &Nsid,
) -> Result<Found, cairn_store::StoreError> {
    // A cursor that is none of ours starts anew.
    let before = RecordKey::parse(visit.query.get("before")).ok();
    let after = RecordKey::parse(visit.query.get("after")).ok();
    let ascending = before.is_some();
    let begins = before.is_none() && after.is_none();
    let range = RecordRange {
        cursor: before.or(after),
        limit: u32::try_from(PAGE + 1).unwrap_or(u32::MAX),
        ascending,
    };
    let mut records = visit.app.store.list_records(account, collection, range).await?;
    // A page of large records ends early.
    let weight: usize = records.iter().map(|record| record.bytes.len()).sum();
    let goes_on = records.len() > PAGE || weight >= MAX_LIST_BYTES;
    records.truncate(PAGE);
    if ascending {
        records.reverse();
        return Ok(Found { records, has_newer: goes_on, has_older: true });
    }
    Ok(Found { records, has_newer: !begins, has_older: goes_on })
}

fn row(record: ListedRecord) -> Row {
    let value = cbor::decode(&record.bytes, &Limits::RECORD).unwrap_or(Value::Null);
    let at = value.get("createdAt").and_then(Value::as_str);
    Row {
        rkey: record.rkey,
        summary: summary(&value).unwrap_or_default(),
        at: at.and_then(|at| at.parse::<Timestamp>().ok()).map(time),
    }
}

/// What a record says first, or what it is about.
fn summary(value: &Value) -> Option<String> {
    const NAMES: [&str; 6] = ["text", "displayName", "name", "title", "description", "subject"];
    let said = NAMES.iter().find_map(|name| match value.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.as_str()),
        subject => subject.get("uri")?.as_str(),
    })?;
    let mut summary: String = said.trim().chars().take(SUMMARY_CHARS).collect();
    if summary.len() < said.trim().len() {
        summary.push('…');
    }
    Some(summary)
}

#[cfg(test)]
mod tests {
    use cairn_model::Map;

    use super::*;

    #[test]
    fn a_record_is_known_by_what_it_says_or_is_about() {
        let text = |text: &str| Value::from(Map::from_iter([("text", text)]));
        assert_eq!(summary(&text(" a word ")), Some("a word".to_owned()));
        assert_eq!(summary(&text("  ")), None);
        let long = summary(&text(&"ü".repeat(200))).unwrap();
        assert_eq!(long.chars().count(), SUMMARY_CHARS + 1);
        let subject = Value::from(Map::from_iter([("uri", "at://did:plc:x/a.b.c/1")]));
        let like = Value::Object(Map::from_iter([("subject", subject)]));
        assert_eq!(summary(&like), Some("at://did:plc:x/a.b.c/1".to_owned()));
        assert_eq!(summary(&Value::Null), None);
    }
}
