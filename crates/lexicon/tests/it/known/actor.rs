//! Accounts and what they say of themselves.

use cairn_lexicon::Outcome;
use serde_json::json;

use super::*;

#[test]
fn profiles() {
    let good = json!({
        "displayName": "Ada", "description": "d", "pronouns": "she/her", "website": "https://example.com",
        "avatar": blob("image/png", 1_000_000), "banner": blob("image/jpeg", 5), "labels": labels(),
        "joinedViaStarterPack": strong_ref(), "pinnedPost": strong_ref(), "createdAt": NOW});
    check(
        "app.bsky.actor.profile",
        "self",
        &good,
        &[],
        &[
            ("/displayName", json!("x".repeat(65)), "must not be longer than 64 graphemes"),
            ("/displayName", json!("x".repeat(641)), "must not be longer than 640 bytes"),
            ("/description", json!("é".repeat(257)), "must not be longer than 256 graphemes"),
            ("/pronouns", json!("x".repeat(21)), "must not be longer than 20 graphemes"),
            ("/website", json!("example.com"), "must be a valid uri"),
            ("/avatar", blob("image/gif", 1), "must be a blob of type (image/png|image/jpeg)"),
            ("/banner", blob("image/png", 1_000_001), "must be a blob of at most 1000000 bytes"),
            ("/labels/values/0/val", json!("x".repeat(129)), "must not be longer than 128 bytes"),
            (
                "/labels/values",
                json!(vec![json!({"val": "x"}); 11]),
                "must not have more than 10 elements",
            ),
            ("/pinnedPost/cid", json!("123"), "must be a valid cid"),
            ("/createdAt", json!(null), "must be a string"),
        ],
    );
    assert_eq!(validate("app.bsky.actor.profile", "self", &json!({})), Ok(Outcome::Valid));
}

#[test]
fn declarations_of_an_actor() {
    let visibility = json!({"hideFromAlgorithmicRecommendations": true});
    check(
        "app.bsky.actor.contentVisibilityDeclaration",
        "self",
        &visibility,
        &["hideFromAlgorithmicRecommendations"],
        &[("/hideFromAlgorithmicRecommendations", json!("yes"), "must be a boolean")],
    );
    let status = json!({"status": "app.bsky.actor.status#live", "durationMinutes": 30, "createdAt": NOW,
        "embed": {"$type": "app.bsky.embed.external", "external": {
            "uri": "https://example.com", "title": "t", "description": "d"}}});
    check(
        "app.bsky.actor.status",
        "self",
        &status,
        &["status", "createdAt"],
        &[
            ("/durationMinutes", json!(0), "must not be less than 1"),
            ("/embed/external/uri", json!("nowhere"), "must be a valid uri"),
        ],
    );
    let notification = json!({"allowSubscriptions": "followers"});
    check(
        "app.bsky.notification.declaration",
        "self",
        &notification,
        &["allowSubscriptions"],
        &[("/allowSubscriptions", json!(1), "must be a string")],
    );
    let chat = json!({"allowIncoming": "all", "allowGroupInvites": "none"});
    check(
        "chat.bsky.actor.declaration",
        "self",
        &chat,
        &["allowIncoming"],
        &[("/allowGroupInvites", json!(false), "must be a string")],
    );
    let germ = json!({"version": "1.0.0", "currentKey": {"$bytes": "AAAA"}, "keyPackage": {"$bytes": "AAAA"},
        "messageMe": {"messageMeUrl": "https://example.com", "showButtonTo": "everyone"},
        "continuityProofs": [{"$bytes": "AAAA"}]});
    check(
        "com.germnetwork.declaration",
        "self",
        &germ,
        &["version", "currentKey"],
        &[
            ("/version", json!("1.0"), "must not be shorter than 5 bytes"),
            ("/currentKey", json!("AAAA"), "must be bytes"),
            ("/messageMe/messageMeUrl", json!(""), "must not be shorter than 1 bytes"),
            ("/messageMe/messageMeUrl", json!("x"), "must be a valid uri"),
            (
                "/continuityProofs",
                json!(vec![json!({"$bytes": ""}); 1_001]),
                "must not have more than 1000 elements",
            ),
        ],
    );
}
