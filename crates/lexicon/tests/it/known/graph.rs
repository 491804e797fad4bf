//! Relations and lists.

use serde_json::json;

use super::*;

#[test]
fn relations() {
    let bad_did = || json!("alice.example.com");
    let block = json!({"subject": DID, "createdAt": NOW});
    check(
        "app.bsky.graph.block",
        TID,
        &block,
        &["subject", "createdAt"],
        &[("/subject", bad_did(), "must be a valid did")],
    );
    let follow = json!({"subject": DID, "createdAt": NOW, "via": strong_ref()});
    check(
        "app.bsky.graph.follow",
        TID,
        &follow,
        &["subject", "createdAt"],
        &[
            ("/subject", bad_did(), "must be a valid did"),
            ("/via/cid", json!(1), "must be a string"),
        ],
    );
    for collection in ["app.bsky.graph.listblock", "app.bsky.graph.referencelistoptout"] {
        let good = json!({"subject": POST, "createdAt": NOW});
        check(
            collection,
            TID,
            &good,
            &["subject", "createdAt"],
            &[("/subject", json!(DID), "must be a valid at-uri")],
        );
    }
    let item = json!({"subject": DID, "list": POST, "createdAt": NOW});
    check(
        "app.bsky.graph.listitem",
        TID,
        &item,
        &["subject", "list", "createdAt"],
        &[("/list", json!(DID), "must be a valid at-uri")],
    );
    let verification =
        json!({"subject": DID, "handle": "ada.test", "displayName": "Ada", "createdAt": NOW});
    check(
        "app.bsky.graph.verification",
        TID,
        &verification,
        &["subject", "handle", "displayName", "createdAt"],
        &[("/handle", json!("ada"), "must be a valid handle")],
    );
}

#[test]
fn lists_and_starter_packs() {
    let list = json!({"purpose": "app.bsky.graph.defs#curatelist", "name": "n", "description": "d",
        "descriptionFacets": facets(), "avatar": blob("image/png", 1), "labels": labels(), "createdAt": NOW});
    check(
        "app.bsky.graph.list",
        TID,
        &list,
        &["purpose", "name", "createdAt"],
        &[
            ("/purpose", json!({}), "must be a string"),
            ("/name", json!(""), "must not be shorter than 1 bytes"),
            ("/name", json!("x".repeat(65)), "must not be longer than 64 bytes"),
        ],
    );
    let pack = json!({"name": "n", "description": "d", "descriptionFacets": facets(), "list": POST,
        "feeds": [{"uri": POST}], "createdAt": NOW});
    check(
        "app.bsky.graph.starterpack",
        TID,
        &pack,
        &["name", "list", "createdAt"],
        &[
            ("/name", json!("x".repeat(51)), "must not be longer than 50 graphemes"),
            ("/feeds", json!(vec![json!({"uri": POST}); 4]), "must not have more than 3 elements"),
            ("/feeds/0/uri", json!("x"), "must be a valid at-uri"),
        ],
    );
}
