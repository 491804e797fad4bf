//! Posts, what they carry, reactions and feeds.

use cairn_lexicon::Outcome;
use serde_json::json;

use super::*;

#[test]
fn posts() {
    let good = json!({"text": "abc", "facets": facets(), "langs": ["en", "pt-BR"], "labels": labels(),
        "tags": ["a"], "createdAt": NOW, "reply": {"root": strong_ref(), "parent": strong_ref()},
        "entities": [{"index": {"start": 0, "end": 1}, "type": "link", "value": "x"}]});
    check(
        "app.bsky.feed.post",
        TID,
        &good,
        &["text", "createdAt"],
        &[
            ("/text", json!("x".repeat(301)), "must not be longer than 300 graphemes"),
            ("/text", json!("x".repeat(3_001)), "must not be longer than 3000 bytes"),
            ("/facets/0/index/byteStart", json!(-1), "must not be less than 0"),
            ("/facets/0/features/0/did", json!("plc"), "must be a valid did"),
            ("/facets/0/features/1/uri", json!("x"), "must be a valid uri"),
            (
                "/facets/0/features/2/tag",
                json!("x".repeat(65)),
                "must not be longer than 64 graphemes",
            ),
            ("/facets/0/features/3/$type", json!("spoiler"), "must be the name of a type"),
            ("/langs", json!(["a", "b", "c", "d"]), "must not have more than 3 elements"),
            ("/langs/1", json!("english"), "must be a valid language"),
            ("/tags", json!(vec!["t"; 9]), "must not have more than 8 elements"),
            ("/createdAt", json!("2026-03-01"), "must be a valid datetime"),
            ("/reply/root/uri", json!("https://example.com"), "must be a valid at-uri"),
            ("/entities/0/index/end", json!(-1), "must not be less than 0"),
        ],
    );
    let family = "👨‍👩‍👧‍👧".repeat(100);
    assert!(family.len() > 2_400);
    let families = json!({"text": family, "createdAt": NOW});
    assert_eq!(validate("app.bsky.feed.post", TID, &families), Ok(Outcome::Valid));
}

#[test]
fn what_posts_embed() {
    let post = |embed: Json| json!({"text": "", "createdAt": NOW, "embed": embed});
    let check_embed = |embed: &Json, wrong: &[(&str, Json, &str)]| {
        check("app.bsky.feed.post", TID, &post(embed.clone()), &[], wrong);
    };
    let picture = json!({"image": blob("image/webp", 2_000_000), "alt": "", "aspectRatio": {"width": 1, "height": 2}});
    check_embed(
        &json!({"$type": "app.bsky.embed.images", "images": [picture]}),
        &[
            (
                "/embed/images",
                json!(vec![picture.clone(); 5]),
                "must not have more than 4 elements",
            ),
            (
                "/embed/images/0/image",
                blob("image/png", 2_000_001),
                "must be a blob of at most 2000000 bytes",
            ),
            ("/embed/images/0/image", blob("video/mp4", 1), "must be a blob of type (image/*)"),
            ("/embed/images/0/aspectRatio/width", json!(0), "must not be less than 1"),
            ("/embed/$type", json!("images"), "must be the name of a type"),
        ],
    );
    let mut item = picture.clone();
    item["$type"] = json!("app.bsky.embed.gallery#image");
    check_embed(
        &json!({"$type": "app.bsky.embed.gallery", "items": [item]}),
        &[
            ("/embed/items", json!(vec![item.clone(); 21]), "must not have more than 20 elements"),
            ("/embed/items/0/alt", json!(1), "must be a string"),
        ],
    );
    let video = json!({"$type": "app.bsky.embed.video", "video": blob("video/mp4", 300_000_000), "alt": "a",
        "captions": [{"lang": "en", "file": blob("text/vtt", 20_000)}], "presentation": "gif"});
    check_embed(
        &video,
        &[
            (
                "/embed/video",
                blob("video/mp4", 300_000_001),
                "must be a blob of at most 300000000 bytes",
            ),
            (
                "/embed/captions/0/file",
                blob("text/vtt", 20_001),
                "must be a blob of at most 20000 bytes",
            ),
            ("/embed/captions/0/lang", json!("x"), "must be a valid language"),
        ],
    );
    let external = json!({"$type": "app.bsky.embed.external", "external": {"uri": "https://example.com",
        "title": "t", "description": "d", "thumb": blob("image/png", 1_000_000), "associatedRefs": [strong_ref()]}});
    check_embed(
        &external,
        &[
            (
                "/embed/external/thumb",
                blob("image/png", 1_000_001),
                "must be a blob of at most 1000000 bytes",
            ),
            ("/embed/external/associatedRefs/0/cid", json!("x"), "must be a valid cid"),
            ("/embed/external", json!("x"), "must be an object"),
        ],
    );
    let record = json!({"$type": "app.bsky.embed.record", "record": strong_ref()});
    check_embed(&record, &[("/embed/record/uri", json!("at://"), "must be a valid at-uri")]);
    let both = json!({"$type": "app.bsky.embed.recordWithMedia", "record": {"record": strong_ref()}, "media": external});
    check_embed(
        &both,
        &[
            ("/embed/record/record/cid", json!(""), "must be a valid cid"),
            ("/embed/media/external/title", json!(null), "must be a string"),
            ("/embed/media", json!({}), "must be an object which includes the \"$type\" property"),
        ],
    );
}

#[test]
fn reactions() {
    let good = json!({"subject": strong_ref(), "createdAt": NOW, "via": strong_ref()});
    for collection in ["app.bsky.feed.like", "app.bsky.feed.repost"] {
        check(
            collection,
            TID,
            &good,
            &["subject", "createdAt"],
            &[
                ("/subject", json!(POST), "must be an object"),
                ("/via/uri", json!(DID), "must be a valid at-uri"),
            ],
        );
    }
}

#[test]
fn feed_generators() {
    let good = json!({"did": "did:web:feeds.example.com", "displayName": "Rivers", "description": "d",
        "descriptionFacets": facets(), "avatar": blob("image/png", 1), "acceptsInteractions": true,
        "labels": labels(), "contentMode": "app.bsky.feed.defs#contentModeVideo", "createdAt": NOW});
    check(
        "app.bsky.feed.generator",
        "any-key",
        &good,
        &["did", "displayName", "createdAt"],
        &[
            ("/displayName", json!("x".repeat(25)), "must not be longer than 24 graphemes"),
            ("/description", json!("x".repeat(301)), "must not be longer than 300 graphemes"),
            ("/acceptsInteractions", json!(1), "must be a boolean"),
        ],
    );
}

#[test]
fn gates() {
    let postgate = json!({"createdAt": NOW, "post": POST, "detachedEmbeddingUris": [POST],
        "embeddingRules": [{"$type": "app.bsky.feed.postgate#disableRule"}]});
    check(
        "app.bsky.feed.postgate",
        TID,
        &postgate,
        &["createdAt", "post"],
        &[
            (
                "/detachedEmbeddingUris",
                json!(vec![POST; 51]),
                "must not have more than 50 elements",
            ),
            (
                "/embeddingRules/0",
                json!("x"),
                "must be an object which includes the \"$type\" property",
            ),
        ],
    );
    let threadgate = json!({"createdAt": NOW, "post": POST, "hiddenReplies": [POST], "allow": [
        {"$type": "app.bsky.feed.threadgate#mentionRule"}, {"$type": "app.bsky.feed.threadgate#followerRule"},
        {"$type": "app.bsky.feed.threadgate#followingRule"},
        {"$type": "app.bsky.feed.threadgate#listRule", "list": POST}]});
    check(
        "app.bsky.feed.threadgate",
        TID,
        &threadgate,
        &["createdAt", "post"],
        &[
            ("/allow/3/list", json!("x"), "must be a valid at-uri"),
            (
                "/allow",
                json!(vec![json!({"$type": "a.b.c"}); 6]),
                "must not have more than 5 elements",
            ),
            ("/hiddenReplies", json!(vec![POST; 301]), "must not have more than 300 elements"),
        ],
    );
}
