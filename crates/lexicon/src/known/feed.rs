//! Posts, reactions and feeds: `app.bsky.feed`.

use super::*;

pub(super) fn define(table: &mut Table) {
    define_post(table);
    let reaction =
        || [req("subject", strong_ref()), req("createdAt", datetime()), opt("via", strong_ref())];
    table.record("app.bsky.feed.like", reaction());
    table.record("app.bsky.feed.repost", reaction());
    table.keyed_record(
        "app.bsky.feed.generator",
        RecordKeyType::Any,
        [
            req("did", did()),
            req("displayName", prose(240, 24)),
            opt("description", prose(3_000, 300)),
            opt("descriptionFacets", list(to(FACET))),
            opt("avatar", avatar()),
            opt("acceptsInteractions", boolean()),
            opt("labels", self_labels()),
            opt("contentMode", string()),
            req("createdAt", datetime()),
        ],
    );
    define_gates(table);
}

fn define_post(table: &mut Table) {
    let embed = union([
        "app.bsky.embed.images",
        "app.bsky.embed.video",
        "app.bsky.embed.gallery",
        "app.bsky.embed.external",
        "app.bsky.embed.record",
        "app.bsky.embed.recordWithMedia",
    ]);
    table.record(
        "app.bsky.feed.post",
        [
            req("text", prose(3_000, 300)),
            opt("entities", list(to("app.bsky.feed.post#entity"))),
            opt("facets", list(to(FACET))),
            opt("reply", to("app.bsky.feed.post#replyRef")),
            opt("embed", embed),
            opt("langs", list_of_at_most(3, format(Format::Language))),
            opt("labels", self_labels()),
            opt("tags", list_of_at_most(8, prose(640, 64))),
            req("createdAt", datetime()),
        ],
    );
    table.object(
        "app.bsky.feed.post#entity",
        [
            req("index", to("app.bsky.feed.post#textSlice")),
            req("type", string()),
            req("value", string()),
        ],
    );
    table.object(
        "app.bsky.feed.post#textSlice",
        [req("start", at_least(0)), req("end", at_least(0))],
    );
    table.object(
        "app.bsky.feed.post#replyRef",
        [req("root", strong_ref()), req("parent", strong_ref())],
    );
}

fn define_gates(table: &mut Table) {
    table.record(
        "app.bsky.feed.postgate",
        [
            req("createdAt", datetime()),
            req("post", at_uri()),
            opt("detachedEmbeddingUris", list_of_at_most(50, at_uri())),
            opt(
                "embeddingRules",
                list_of_at_most(5, union(["app.bsky.feed.postgate#disableRule"])),
            ),
        ],
    );
    table.object("app.bsky.feed.postgate#disableRule", []);
    let rules = union([
        "app.bsky.feed.threadgate#mentionRule",
        "app.bsky.feed.threadgate#followerRule",
        "app.bsky.feed.threadgate#followingRule",
        "app.bsky.feed.threadgate#listRule",
    ]);
    table.record(
        "app.bsky.feed.threadgate",
        [
            req("post", at_uri()),
            opt("allow", list_of_at_most(5, rules)),
            req("createdAt", datetime()),
            opt("hiddenReplies", list_of_at_most(300, at_uri())),
        ],
    );
    table.object("app.bsky.feed.threadgate#mentionRule", []);
    table.object("app.bsky.feed.threadgate#followerRule", []);
    table.object("app.bsky.feed.threadgate#followingRule", []);
    table.object("app.bsky.feed.threadgate#listRule", [req("list", at_uri())]);
}
