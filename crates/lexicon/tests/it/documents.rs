//! Rules of the language that documents must keep, and references between documents.

use cairn_lexicon::{Budget, LexiconDoc, LexiconError, Lexicons, Outcome, Reason};
use cairn_model::{Limits, Nsid, RecordKey, json};
use serde_json::{Value as Json, json};

fn read(defs: Json) -> Result<LexiconDoc, LexiconError> {
    LexiconDoc::from_json(json!({"lexicon": 1, "id": "com.example.thing", "defs": defs}))
}

fn record(properties: Json) -> Json {
    json!({"main": {"type": "record", "key": "any", "record": {"type": "object", "properties": properties}}})
}

#[test]
fn fields_that_make_no_sense_are_refused() {
    let refused = [
        ("key", json!({"main": {"type": "record", "key": "uuid", "record": {"type": "object"}}})),
        (
            "key",
            json!({"main": {"type": "record", "key": "literal:a b", "record": {"type": "object"}}}),
        ),
        ("required", json!({"main": {"type": "object", "required": ["a"]}})),
        ("nullable", json!({"main": {"type": "object", "nullable": ["a"]}})),
        ("format", record(json!({"a": {"type": "string", "format": "colour"}}))),
        ("minLength", record(json!({"a": {"type": "string", "minLength": 2, "maxLength": 1}}))),
        (
            "minLength",
            record(
                json!({"a": {"type": "array", "items": {"type": "unknown"}, "minLength": 2, "maxLength": 1}}),
            ),
        ),
        ("accept", record(json!({"a": {"type": "blob", "accept": ["image"]}}))),
        ("ref", record(json!({"a": {"type": "ref", "ref": "thing"}}))),
        ("ref", record(json!({"a": {"type": "ref", "ref": "#"}}))),
        ("refs", record(json!({"a": {"type": "union", "refs": [], "closed": true}}))),
        ("refs", record(json!({"a": {"type": "union", "refs": ["a.b.c#d#e"]}}))),
        ("input", json!({"main": {"type": "query", "input": {"encoding": "application/json"}}})),
        ("encoding", json!({"main": {"type": "query", "output": {"encoding": "json"}}})),
        ("errors", json!({"main": {"type": "query", "errors": [{"name": ""}]}})),
        (
            "resource",
            json!({"main": {"type": "permission-set", "permissions": [{"type": "permission"}]}}),
        ),
    ];
    for (expected, defs) in refused {
        match read(defs.clone()) {
            Err(LexiconError::Field { field, .. }) => assert_eq!(field, expected, "{defs}"),
            other => panic!("{defs}: {other:?}"),
        }
    }
}

#[test]
fn definitions_stand_where_they_may() {
    let refused = [
        ("params", json!({"main": {"type": "params"}})),
        ("permission", json!({"main": {"type": "permission"}})),
        ("query", json!({"other": {"type": "query"}})),
        (
            "record",
            record(json!({"a": {"type": "record", "key": "any", "record": {"type": "object"}}})),
        ),
        ("token", record(json!({"a": {"type": "token"}}))),
        (
            "ref",
            json!({"main": {"type": "record", "key": "any", "record": {"type": "ref", "ref": "#a"}}}),
        ),
        ("object", json!({"main": {"type": "query", "parameters": {"type": "object"}}})),
        (
            "blob",
            json!({"main": {"type": "query", "parameters": {"type": "params", "properties": {"a": {"type": "blob"}}}}}),
        ),
        (
            "string",
            json!({"main": {"type": "procedure", "input": {"encoding": "a/b", "schema": {"type": "string"}}}}),
        ),
        (
            "object",
            json!({"main": {"type": "subscription", "message": {"schema": {"type": "object"}}}}),
        ),
        (
            "string",
            json!({"main": {"type": "permission-set", "permissions": [{"type": "string"}]}}),
        ),
    ];
    for (expected, defs) in refused {
        match read(defs.clone()) {
            Err(LexiconError::Misplaced { kind, .. }) => assert_eq!(kind, expected, "{defs}"),
            other => panic!("{defs}: {other:?}"),
        }
    }
    assert!(matches!(read(json!({})), Err(LexiconError::Empty)));
    assert!(matches!(read(json!({"a-b": {"type": "token"}})), Err(LexiconError::Name { .. })));
    assert!(matches!(read(json!({"a": {"type": "float"}})), Err(LexiconError::Json(_))));
}

#[test]
fn references_reach_other_documents_and_tokens() {
    let main = record(json!({
        "own": {"type": "ref", "ref": "#part"},
        "token": {"type": "ref", "ref": "com.example.other#blue"},
        "record": {"type": "ref", "ref": "com.example.other#main"},
        "missing": {"type": "ref", "ref": "com.example.missing"},
        "nested": {"type": "object", "required": ["a"], "nullable": ["a"],
            "properties": {"a": {"type": "boolean", "const": true}}}}));
    let mut defs = main;
    defs["part"] = json!({"type": "array", "items": {"type": "cid-link"}});
    let other = json!({"lexicon": 1, "id": "com.example.other", "defs": {
        "main": {"type": "record", "key": "tid", "record": {"type": "object", "required": ["n"],
            "properties": {"n": {"type": "integer"}}}},
        "blue": {"type": "token"}}});
    let other = LexiconDoc::from_json(other).expect("valid");
    let lexicons = Lexicons::from_documents(vec![read(defs).expect("valid"), other]);
    let check = |fields: Json| {
        let mut record = fields;
        record["$type"] = json!("com.example.thing");
        let record = json::from_serde(record, &Limits::RECORD).expect("value");
        let collection = Nsid::parse("com.example.thing").expect("nsid");
        let rkey = RecordKey::parse("any").expect("key");
        lexicons
            .validate_record(&collection, &rkey, &record, &Budget::trusted())
            .map_err(|error| (error.path, error.reason))
    };
    assert_eq!(
        check(json!({"own": [], "token": "com.example.other#blue", "record": {"n": 1}})),
        Ok(Outcome::Valid)
    );
    assert_eq!(check(json!({"own": [1]})), Err(("own/0".to_owned(), Reason::Type("a link"))));
    let blue = Reason::OneOf(vec!["com.example.other#blue".to_owned()]);
    assert_eq!(check(json!({"token": "blue"})), Err(("token".to_owned(), blue)));
    assert_eq!(check(json!({"record": {}})), Err(("record/n".to_owned(), Reason::Required)));
    let missing = Reason::Unresolved("com.example.missing".to_owned());
    assert_eq!(check(json!({"missing": {}})), Err(("missing".to_owned(), missing)));
    assert_eq!(check(json!({"nested": {"a": null}})), Ok(Outcome::Valid));
    assert_eq!(check(json!({"nested": {}})), Err(("nested/a".to_owned(), Reason::Required)));
    let only_true = Reason::OneOf(vec!["true".to_owned()]);
    assert_eq!(check(json!({"nested": {"a": false}})), Err(("nested/a".to_owned(), only_true)));
}
