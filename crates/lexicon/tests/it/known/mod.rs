//! Each known record type with a record that is right, and records that are wrong in one place.

mod actor;
mod feed;
mod graph;
mod others;
mod rules;

use cairn_lexicon::{Budget, Lexicons, Outcome};
use cairn_model::{Cid, Limits, Nsid, RecordKey, Value, json};
use serde_json::{Value as Json, json};

const NOW: &str = "2026-03-01T12:34:56.789Z";
const DID: &str = "did:plc:7iza6de2dwap2sbkpav7c6c6";
const POST: &str = "at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.feed.post/3jzfcijpj2z2a";
const TID: &str = "3jzfcijpj2z2a";

fn strong_ref() -> Json {
    json!({"uri": POST, "cid": Cid::cbor_of(b"a record").to_string()})
}

fn blob(mime_type: &str, size: u64) -> Json {
    let link = Cid::raw_of(b"a blob").to_string();
    json!({"$type": "blob", "ref": {"$link": link}, "mimeType": mime_type, "size": size})
}

fn labels() -> Json {
    json!({"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "nudity"}]})
}

fn facets() -> Json {
    json!([{"index": {"byteStart": 0, "byteEnd": 3}, "features": [
        {"$type": "app.bsky.richtext.facet#mention", "did": DID},
        {"$type": "app.bsky.richtext.facet#link", "uri": "https://example.com"},
        {"$type": "app.bsky.richtext.facet#tag", "tag": "rivers"},
        {"$type": "com.example.facet#spoiler"}]}])
}

fn rgb(red: i64) -> Json {
    json!({"$type": "site.standard.theme.color#rgb", "r": red, "g": 0, "b": 255})
}

fn value(json: Json) -> Value {
    json::from_serde(json, &Limits::RECORD).expect("a value of the data model")
}

fn validate(collection: &str, rkey: &str, record: &Json) -> Result<Outcome, String> {
    let mut record = record.clone();
    if let Some(fields) = record.as_object_mut() {
        fields.entry("$type").or_insert(json!(collection));
    }
    let collection = Nsid::parse(collection).expect("nsid");
    let rkey = RecordKey::parse(rkey).expect("record key");
    Lexicons::known()
        .validate_record(&collection, &rkey, &value(record), &Budget::trusted())
        .map_err(|e| e.to_string())
}

/// Checks that a record passes, that it fails without each field in `required`, and that it fails with each change
/// of `wrong`: a JSON pointer, what to put there, and the words after the path.
fn check(
    collection: &str,
    rkey: &str,
    good: &Json,
    required: &[&str],
    wrong: &[(&str, Json, &str)],
) {
    assert_eq!(validate(collection, rkey, good), Ok(Outcome::Valid), "{collection}");
    for field in required {
        let mut record = good.clone();
        record.as_object_mut().expect("object").remove(*field);
        let expected = format!("Invalid {collection} record: record/{field} is required");
        assert_eq!(validate(collection, rkey, &record), Err(expected));
    }
    for (pointer, replacement, words) in wrong {
        let mut record = good.clone();
        *record.pointer_mut(pointer).unwrap_or_else(|| panic!("{collection}{pointer}")) =
            replacement.clone();
        let expected = format!("Invalid {collection} record: record{pointer} {words}");
        assert_eq!(validate(collection, rkey, &record), Err(expected));
    }
}
