//! The collections of a repository.

use askama::Template;
use cairn_model::Nsid;

use super::super::super::i18n::Text;
use super::super::super::local::Local;
use super::super::super::page::Page;
use super::super::super::route::PageResult;
use super::super::super::visit::Visit;

#[derive(Template)]
#[template(path = "account/records/collections.html")]
struct Collections {
    page: Page,
    t: Text,
    base: String,
    collections: Vec<Row>,
}

struct Row {
    name: Nsid,
    /// What people call it, where they have a name for it.
    known: Option<&'static str>,
    count: usize,
}

pub async fn show(visit: Visit) -> PageResult {
    let (t, account) = (visit.t, &visit.account()?.account);
    let counts = visit.app.store.collection_counts(account.id).await?;
    let row = |(name, count): (Nsid, u64)| Row {
        known: known(t, name.as_str()),
        name,
        count: usize::try_from(count).unwrap_or(usize::MAX),
    };
    visit.html(&Collections {
        page: visit.page(t.browser_title()),
        t,
        base: Local::of_account(&account.did, "/records").to_string(),
        collections: counts.into_iter().map(row).collect(),
    })
}

/// The words for the collections that most people have.
pub fn known(t: Text, collection: &str) -> Option<&'static str> {
    Some(match collection {
        "app.bsky.actor.profile" => t.browser_profile(),
        "app.bsky.actor.status" => t.browser_status(),
        "app.bsky.feed.post" => t.browser_posts(),
        "app.bsky.feed.like" => t.browser_likes(),
        "app.bsky.feed.repost" => t.browser_reposts(),
        "app.bsky.feed.generator" => t.browser_feeds(),
        "app.bsky.feed.threadgate" => t.browser_threadgates(),
        "app.bsky.feed.postgate" => t.browser_postgates(),
        "app.bsky.graph.follow" => t.browser_follows(),
        "app.bsky.graph.block" => t.browser_blocks(),
        "app.bsky.graph.list" => t.browser_lists(),
        "app.bsky.graph.listitem" => t.browser_list_items(),
        "app.bsky.graph.listblock" => t.browser_list_blocks(),
        "app.bsky.graph.starterpack" => t.browser_starter_packs(),
        "chat.bsky.actor.declaration" => t.browser_chat(),
        _ => return None,
    })
}
