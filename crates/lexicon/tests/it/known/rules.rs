//! What holds for all records.

use cairn_lexicon::{Budget, Lexicons, Outcome, RecordKeyType};
use cairn_model::{Nsid, RecordKey, Value};
use serde_json::json;

use super::*;

#[test]
fn keys_must_be_of_their_type() {
    let follow = json!({"subject": DID, "createdAt": NOW});
    let error = validate("app.bsky.graph.follow", "self", &follow).expect_err("no tid");
    assert_eq!(error, "Invalid record key: the key must be of type tid for app.bsky.graph.follow");
    assert!(validate("app.bsky.actor.profile", TID, &json!({})).is_err());
    assert!(validate("com.atproto.lexicon.schema", TID, &json!({"lexicon": 1})).is_err());
}

#[test]
fn types_must_be_named_as_they_are() {
    let follow = |extra: Json| {
        let mut record = json!({"subject": DID, "createdAt": NOW});
        record["$type"] = extra;
        validate("app.bsky.graph.follow", TID, &record)
    };
    assert_eq!(follow(json!("app.bsky.graph.follow")), Ok(Outcome::Valid));
    let expected =
        "Invalid app.bsky.graph.follow record: record/$type must be app.bsky.graph.follow";
    assert_eq!(follow(json!("app.bsky.graph.block")), Err(expected.to_owned()));
    assert_eq!(follow(json!("app.bsky.graph.follow#main")), Err(expected.to_owned()));

    let mut like = json!({"subject": strong_ref(), "createdAt": NOW});
    like["subject"]["$type"] = json!("com.atproto.repo.strongRef");
    assert_eq!(validate("app.bsky.feed.like", TID, &like), Ok(Outcome::Valid));
    like["subject"]["$type"] = json!("app.bsky.feed.post");
    assert!(validate("app.bsky.feed.like", TID, &like).is_err());
}

#[test]
fn records_of_other_collections_are_unknown() {
    assert_eq!(validate("com.example.thing", "x", &json!({"a": 1})), Ok(Outcome::Unknown));
}

#[test]
fn unknown_properties_and_types_pass() {
    let post = json!({"text": "x", "createdAt": NOW, "com.example.extra": {"a": [null]},
        "embed": {"$type": "com.example.embed", "anything": 1}});
    assert_eq!(validate("app.bsky.feed.post", TID, &post), Ok(Outcome::Valid));
}

#[test]
fn messages_name_the_place_in_the_request() {
    let collection = Nsid::parse("app.bsky.feed.post").expect("nsid");
    let rkey = RecordKey::parse(TID).expect("key");
    let record =
        value(json!({"$type": "app.bsky.feed.post", "text": "x".repeat(301), "createdAt": NOW}));
    let error = Lexicons::known()
        .validate_record(&collection, &rkey, &record, &Budget::trusted())
        .expect_err("too long");
    let expected = "Invalid app.bsky.feed.post record: writes/3/record/text must not be longer than 300 graphemes";
    assert_eq!(error.message("writes/3/record"), expected);
    let error = Lexicons::known()
        .validate_record(&collection, &rkey, &Value::Null, &Budget::trusted())
        .expect_err("no object");
    assert_eq!(error.to_string(), "Invalid app.bsky.feed.post record: record must be an object");
}

#[test]
fn exactly_these_collections_are_known() {
    let mut known: Vec<(String, String)> = Lexicons::known()
        .collections()
        .map(|name| {
            let key = Lexicons::known().record_key_type(&Nsid::parse(name).expect("nsid"));
            (name.to_owned(), key.map(RecordKeyType::to_string).unwrap_or_default())
        })
        .collect();
    known.sort();
    let lines: Vec<String> = known.iter().map(|(name, key)| format!("{name} {key}")).collect();
    let expected = "app.bsky.actor.contentVisibilityDeclaration literal:self
app.bsky.actor.profile literal:self
app.bsky.actor.status literal:self
app.bsky.feed.generator any
app.bsky.feed.like tid
app.bsky.feed.post tid
app.bsky.feed.postgate tid
app.bsky.feed.repost tid
app.bsky.feed.threadgate tid
app.bsky.graph.block tid
app.bsky.graph.follow tid
app.bsky.graph.list tid
app.bsky.graph.listblock tid
app.bsky.graph.listitem tid
app.bsky.graph.referencelistoptout tid
app.bsky.graph.starterpack tid
app.bsky.graph.verification tid
app.bsky.labeler.service literal:self
app.bsky.notification.declaration literal:self
chat.bsky.actor.declaration literal:self
com.atproto.lexicon.schema nsid
com.germnetwork.declaration literal:self
site.standard.document tid
site.standard.graph.recommend tid
site.standard.graph.subscription tid
site.standard.publication tid
site.standard.theme.basic tid";
    assert_eq!(lines.join("\n"), expected);
}
