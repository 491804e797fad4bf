//! Labelers, published schemas and long-form writing.

use serde_json::json;

use super::*;

#[test]
fn labelers() {
    let definition = json!({"identifier": "rude", "severity": "alert", "blurs": "none", "defaultSetting": "warn",
        "adultOnly": false, "locales": [{"lang": "en", "name": "Rude", "description": "Not kind"}]});
    let good = json!({"policies": {"labelValues": ["rude"], "labelValueDefinitions": [definition]},
        "labels": labels(), "createdAt": NOW, "reasonTypes": ["com.atproto.moderation.defs#reasonRude"],
        "subjectTypes": ["account"], "subjectCollections": ["app.bsky.feed.post"]});
    check(
        "app.bsky.labeler.service",
        "self",
        &good,
        &["policies", "createdAt"],
        &[
            ("/policies/labelValues", json!("rude"), "must be an array"),
            (
                "/policies/labelValueDefinitions/0/identifier",
                json!("x".repeat(101)),
                "must not be longer than 100 bytes",
            ),
            (
                "/policies/labelValueDefinitions/0/locales/0/lang",
                json!(""),
                "must be a valid language",
            ),
            (
                "/policies/labelValueDefinitions/0/locales/0/name",
                json!("x".repeat(65)),
                "must not be longer than 64 graphemes",
            ),
            ("/reasonTypes/0", json!(1), "must be a string"),
            ("/subjectCollections/0", json!("posts"), "must be a valid nsid"),
        ],
    );
}

#[test]
fn published_schemas() {
    let good =
        json!({"lexicon": 1, "id": "com.example.thing", "defs": {"main": {"type": "token"}}});
    check(
        "com.atproto.lexicon.schema",
        "com.example.thing",
        &good,
        &["lexicon"],
        &[("/lexicon", json!("1"), "must be an integer")],
    );
}

#[test]
fn long_form_writing() {
    let document = json!({"bskyPostRef": strong_ref(), "content": {"$type": "com.example.content", "x": 1},
        "contributors": [{"did": DID, "displayName": "Ada", "role": "author"}], "coverImage": blob("image/avif", 1),
        "description": "d", "labels": labels(), "links": {"$type": "com.example.links#list"}, "path": "/a",
        "publishedAt": NOW, "site": "https://example.com", "tags": ["t"], "textContent": "x", "title": "t",
        "updatedAt": NOW});
    check(
        "site.standard.document",
        TID,
        &document,
        &["publishedAt", "site", "title"],
        &[
            (
                "/content",
                json!({"x": 1}),
                "must be an object which includes the \"$type\" property",
            ),
            (
                "/contributors/0/role",
                json!("x".repeat(101)),
                "must not be longer than 100 graphemes",
            ),
            ("/coverImage", blob("application/pdf", 1), "must be a blob of type (image/*)"),
            ("/title", json!("x".repeat(501)), "must not be longer than 500 graphemes"),
            ("/tags/0", json!("x".repeat(129)), "must not be longer than 128 graphemes"),
            ("/description", json!("x".repeat(3_001)), "must not be longer than 3000 graphemes"),
        ],
    );
    let recommend = json!({"createdAt": NOW, "document": POST});
    check(
        "site.standard.graph.recommend",
        TID,
        &recommend,
        &["createdAt", "document"],
        &[("/document", json!("x"), "must be a valid at-uri")],
    );
    let subscription = json!({"createdAt": NOW, "publication": POST});
    check(
        "site.standard.graph.subscription",
        TID,
        &subscription,
        &["publication"],
        &[("/publication", json!(3), "must be a string")],
    );
}

#[test]
fn publications_and_themes() {
    let theme = json!({"accent": rgb(0), "accentForeground": rgb(1), "background": rgb(2), "foreground": rgb(255)});
    check(
        "site.standard.theme.basic",
        TID,
        &theme,
        &["accent", "accentForeground", "background", "foreground"],
        &[
            ("/accent/r", json!(256), "must not be greater than 255"),
            ("/background/g", json!(-1), "must not be less than 0"),
        ],
    );
    let publication = json!({"basicTheme": theme, "description": "d", "icon": blob("image/png", 1),
        "labels": labels(), "name": "n", "preferences": {"showInDiscover": true}, "url": "https://example.com"});
    check(
        "site.standard.publication",
        TID,
        &publication,
        &["name", "url"],
        &[
            ("/basicTheme/foreground/b", json!("x"), "must be an integer"),
            ("/preferences/showInDiscover", json!(null), "must be a boolean"),
            ("/icon", blob("image/png", 1_000_001), "must be a blob of at most 1000000 bytes"),
        ],
    );
}
