//! Views of an AppView that lags, with what the caller has written since.

mod embeds;
mod failures;
mod feeds;
mod profiles;
mod threads;
mod threads_v2;

use async_compression::tokio::bufread::GzipEncoder;
use axum::response::IntoResponse;
use cairn_tests::{Reply, StandIn, TestAccount, TestPds, World, post, refusal};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

const LAG: &str = "atproto-upstream-lag";
const PROFILE: &str = "app.bsky.actor.getProfile";
const PROFILES: &str = "app.bsky.actor.getProfiles";
const TIMELINE: &str = "app.bsky.feed.getTimeline";
const AUTHOR_FEED: &str = "app.bsky.feed.getAuthorFeed";
const LIKES: &str = "app.bsky.feed.getActorLikes";
const THREAD: &str = "app.bsky.feed.getPostThread";

/// A server, its AppView, and an account that the AppView has followed up to `rev`.
struct Scene {
    pds: TestPds,
    appview: StandIn,
    alice: TestAccount,
    rev: String,
}

impl Scene {
    async fn set() -> Self {
        Self::with_cdn(Some("https://cdn.test/%s/plain/%s/%s@jpeg")).await
    }

    async fn with_cdn(pattern: Option<&str>) -> Self {
        let world = World::start().await;
        let appview = StandIn::start(&world).await;
        let pds = world
            .pds_with(|config| {
                config.appview = Some(appview.target());
                config.proxy.cdn_url_pattern = pattern.map(str::to_owned);
            })
            .await;
        let alice = pds.account("alice").await;
        alice.post("known to the AppView").await;
        let rev = alice.head().await.rev;
        let scene = Self { pds, appview, alice, rev };
        scene.wait(10);
        scene
    }

    /// Lets seconds pass.
    fn wait(&self, seconds: i64) {
        self.pds.world.clock().advance(std::time::Duration::from_secs(seconds.unsigned_abs()));
    }

    /// So many seconds ago, as views write it.
    fn ago(&self, seconds: i64) -> String {
        let now: Timestamp = cairn_identity::Clock::now(self.pds.world.clock().as_ref());
        format!("{:.3}", now - SignedDuration::from_secs(seconds))
    }

    /// The AppView's answer to a method, as of `rev`.
    fn says(&self, nsid: &str, json: Value) {
        self.appview.on_json(nsid, Some(&self.rev), json);
    }

    /// Somebody else's post, so many seconds ago.
    fn item(&self, name: &str, seconds: i64) -> Value {
        json!({ "post": {
            "uri": format!("at://did:web:bob.test/app.bsky.feed.post/{name}"),
            "cid": "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a",
            "author": { "did": "did:web:bob.test", "handle": "bob.test" },
            "record": post(name),
            "indexedAt": self.ago(seconds),
        }})
    }

    /// The caller's answer to a post below a root.
    async fn answer(&self, text: &str, root: &Value, parent: &Value) -> Value {
        let mut answer = post(text);
        answer["reply"] = json!({ "root": strong(root), "parent": strong(parent) });
        self.alice.create("app.bsky.feed.post", answer).await.ok()
    }

    async fn set_profile(&self) -> Value {
        let avatar = self.alice.blob("image/png", b"an avatar".as_slice()).await;
        let banner = self.alice.blob("image/png", b"a banner".as_slice()).await;
        let profile = json!({
            "$type": "app.bsky.actor.profile",
            "displayName": "Alice the New",
            "description": "after",
            "avatar": avatar,
            "banner": banner,
        });
        self.alice.put("app.bsky.actor.profile", "self", profile.clone()).await.ok();
        profile
    }
}

fn strong(of: &Value) -> Value {
    json!({ "uri": of["uri"], "cid": of["cid"] })
}

fn link(blob: &Value) -> &str {
    blob["ref"]["$link"].as_str().unwrap()
}

/// The texts of a feed's posts.
fn texts(reply: &Reply) -> Vec<String> {
    let feed = reply.ok()["feed"].as_array().unwrap().clone();
    feed.iter().map(|item| item["post"]["record"]["text"].as_str().unwrap().to_owned()).collect()
}
