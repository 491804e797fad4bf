//! What people call the records of well-known collections.

use super::super::i18n::Text;

/// The word for a collection's records, if it is one that people have a word for.
pub fn word(t: Text, collection: &str) -> Option<&'static str> {
    Some(match collection {
        "app.bsky.actor.profile" => t.records_profile(),
        "app.bsky.actor.status" => t.records_status(),
        "app.bsky.feed.generator" => t.records_feeds(),
        "app.bsky.feed.like" => t.records_likes(),
        "app.bsky.feed.post" => t.records_posts(),
        "app.bsky.feed.repost" => t.records_reposts(),
        "app.bsky.feed.threadgate" | "app.bsky.feed.postgate" => t.records_gates(),
        "app.bsky.graph.block" | "app.bsky.graph.listblock" => t.records_blocks(),
        "app.bsky.graph.follow" => t.records_follows(),
        "app.bsky.graph.list" | "app.bsky.graph.listitem" => t.records_lists(),
        "app.bsky.graph.starterpack" => t.records_starter_packs(),
        "app.bsky.labeler.service" => t.records_labeler(),
        "chat.bsky.actor.declaration" => t.records_chat(),
        _ => return None,
    })
}
