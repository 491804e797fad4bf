//! Sets that are put together from published documents.

use cairn_lexicon::{Budget, Gathering, LexiconDoc, Lexicons, Outcome, Reason, ValidationError};
use cairn_model::{Nsid, RecordKey, json};
use serde_json::{Value, json};

fn nsid(text: &str) -> Nsid {
    Nsid::parse(text).unwrap()
}

fn document(id: &str, defs: Value) -> LexiconDoc {
    LexiconDoc::from_json(json!({ "lexicon": 1, "id": id, "defs": defs })).unwrap()
}

fn record(properties: Value) -> Value {
    json!({ "type": "record", "key": "any", "record": { "type": "object", "properties": properties } })
}

fn recipe() -> LexiconDoc {
    document(
        "com.example.recipe",
        json!({
            "main": record(json!({
                "of": { "type": "ref", "ref": "com.atproto.repo.strongRef" },
                "step": { "type": "ref", "ref": "com.example.defs#step" },
                "extra": { "type": "union", "refs": ["#note", "com.example.gone#thing"] },
            })),
            "note": { "type": "object", "properties": { "text": { "type": "string" } } },
        }),
    )
}

fn defs() -> LexiconDoc {
    document(
        "com.example.defs",
        json!({
            "step": {
                "type": "object",
                "required": ["minutes"],
                "properties": {
                    "minutes": { "type": "integer", "minimum": 1 },
                    "next": { "type": "ref", "ref": "#step" },
                },
            },
            "unused": {
                "type": "object",
                "properties": { "far": { "type": "ref", "ref": "com.example.far" } },
            },
        }),
    )
}

fn check(
    lexicons: &Lexicons,
    collection: &str,
    record: &Value,
) -> Result<Outcome, ValidationError> {
    let text = serde_json::to_vec(record).unwrap();
    let record = json::from_slice(&text, &cairn_model::Limits::RECORD).unwrap();
    lexicons.validate_record(
        &nsid(collection),
        &RecordKey::parse("self").unwrap(),
        &record,
        &Budget::trusted(),
    )
}

#[test]
fn only_what_is_referred_to_is_wanted() {
    let mut gathering = Gathering::start(recipe()).unwrap();
    let wanted: Vec<_> = gathering.wanted().into_iter().collect();
    assert_eq!(wanted, [nsid("com.example.defs"), nsid("com.example.gone")]);
    gathering.add(defs());
    gathering.give_up(&nsid("com.example.gone"));
    assert!(gathering.wanted().is_empty(), "{gathering:?}");
}

#[test]
fn a_gathered_set_validates_through_its_references() {
    let mut gathering = Gathering::start(recipe()).unwrap();
    gathering.add(defs());
    gathering.give_up(&nsid("com.example.gone"));
    let lexicons = gathering.finish();
    let recipe = |fields: Value| {
        let mut record = fields;
        record["$type"] = json!("com.example.recipe");
        check(&lexicons, "com.example.recipe", &record)
    };
    assert_eq!(recipe(json!({})), Ok(Outcome::Valid));
    let steps = json!({ "minutes": 1, "next": { "minutes": 2, "next": { "minutes": 3 } } });
    assert_eq!(recipe(json!({ "step": steps })), Ok(Outcome::Valid));
    let wrong = recipe(json!({ "step": { "minutes": 1, "next": { "minutes": 0 } } })).unwrap_err();
    assert_eq!((wrong.path.as_str(), wrong.reason), ("step/next/minutes", Reason::TooSmall(1)));
    let known = recipe(json!({ "of": { "uri": "x", "cid": "y" } })).unwrap_err();
    assert_eq!(known.path, "of/uri");
    let gone = recipe(json!({ "extra": { "$type": "com.example.gone#thing" } })).unwrap_err();
    assert_eq!(gone.reason, Reason::Unresolved("com.example.gone#thing".to_owned()));
    assert_eq!(check(&lexicons, "com.example.other", &json!({})), Ok(Outcome::Unknown));
}

#[test]
fn no_document_changes_what_the_table_defines() {
    let gathering = Gathering::start(recipe()).unwrap();
    assert!(!gathering.wanted().contains(&nsid("com.atproto.repo.strongRef")));
}

#[test]
fn lexicons_of_other_things_than_records_are_not_gathered() {
    let query = document("com.example.ask", json!({ "main": { "type": "query" } }));
    assert!(Gathering::start(query).is_none());
    assert!(Gathering::start(defs()).is_none());
}

#[test]
fn very_many_parts_under_very_many_rules_end_early() {
    let properties: serde_json::Map<_, _> =
        (0..2_000).map(|n| (format!("p{n}"), json!({ "type": "boolean" }))).collect();
    let many = document(
        "com.example.many",
        json!({
            "main": record(json!({
                "items": { "type": "array", "items": { "type": "object", "properties": properties } },
            })),
        }),
    );
    let lexicons = Gathering::start(many).unwrap().finish();
    let of = |items: usize| {
        let record = json!({ "$type": "com.example.many", "items": vec![json!({}); items] });
        check(&lexicons, "com.example.many", &record)
    };
    assert_eq!(of(1_000), Ok(Outcome::Valid));
    assert_eq!(of(10_000).unwrap_err().reason, Reason::TooManyParts);
}
