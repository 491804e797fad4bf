//! Timelines and the posts of one author.

use super::*;

#[tokio::test]
async fn a_timeline_has_the_callers_own_posts_in_their_place() {
    let scene = Scene::set().await;
    scene.set_profile().await;
    scene.alice.post("one").await;
    scene.wait(10);
    scene.alice.post("two").await;
    scene.wait(10);
    let older = scene.item("older", 300);
    let between = scene.item("between", 15);
    scene.says(TIMELINE, json!({ "feed": [between, older], "cursor": "next" }));
    let reply = scene.alice.query(TIMELINE, &[]).await;
    assert_eq!(texts(&reply), ["two", "between", "one", "older"]);
    assert_eq!(reply.ok()["cursor"], "next");
    assert!(reply.header(LAG).is_some());
    let own = &reply.ok()["feed"][0]["post"];
    assert_eq!(own["author"]["displayName"], "Alice the New");
    assert_eq!((&own["author"]["handle"], &own["likeCount"]), (&json!("alice.test"), &json!(0)));
    let stored = scene
        .alice
        .record("app.bsky.feed.post", own["uri"].as_str().unwrap().rsplit('/').next().unwrap())
        .await
        .ok();
    assert_eq!(
        (&stored["cid"], &stored["uri"], &stored["value"]),
        (&own["cid"], &own["uri"], &own["record"])
    );

    // What is older than the page belongs to the next one, what is newer than a later page to the one before.
    scene.says(TIMELINE, json!({ "feed": [scene.item("between", 15)] }));
    assert_eq!(texts(&scene.alice.query(TIMELINE, &[]).await), ["two", "between"]);
    scene.says(TIMELINE, json!({ "feed": [scene.item("between", 15), scene.item("older", 300)] }));
    let later = scene.alice.query(TIMELINE, &[("cursor", "x")]).await;
    assert_eq!(texts(&later), ["between", "one", "older"]);
    scene.says(TIMELINE, json!({ "feed": [] }));
    assert_eq!(texts(&scene.alice.query(TIMELINE, &[]).await), ["two", "one"]);
    assert_eq!(texts(&scene.alice.query(TIMELINE, &[("cursor", "x")]).await), Vec::<String>::new());
    // An AppView that knows a post all the same.
    scene.says(TIMELINE, json!({ "feed": [reply.ok()["feed"][0], scene.item("older", 300)] }));
    assert_eq!(texts(&scene.alice.query(TIMELINE, &[]).await), ["two", "one", "older"]);
}

#[tokio::test]
async fn an_author_feed_shows_the_part_that_was_asked_for() {
    let scene = Scene::set().await;
    let did = scene.alice.did.to_string();
    let first = scene.alice.create("app.bsky.feed.post", post("plain")).await.ok();
    let strong = |of: &Value| json!({ "uri": of["uri"], "cid": of["cid"] });
    let with = |text: &str, name: &str, value: Value| {
        let mut post = post(text);
        post[name] = value;
        post
    };
    let thread =
        with("thread", "reply", json!({ "root": strong(&first), "parent": strong(&first) }));
    scene.alice.create("app.bsky.feed.post", thread).await.ok();
    let foreign =
        json!({ "uri": "at://did:web:bob.test/app.bsky.feed.post/1", "cid": first["cid"] });
    let answer = with("answer", "reply", json!({ "root": foreign, "parent": foreign }));
    scene.alice.create("app.bsky.feed.post", answer).await.ok();
    let image = scene.alice.blob("image/png", b"an image".as_slice()).await;
    let images =
        json!({ "$type": "app.bsky.embed.images", "images": [{ "image": image, "alt": "" }] });
    scene.alice.create("app.bsky.feed.post", with("image", "embed", images)).await.ok();
    scene.wait(1);

    let mut pinned = scene.item("pinned", 9_000);
    pinned["reason"] = json!({ "$type": "app.bsky.feed.defs#reasonPin" });
    let mut repost = scene.item("repost", 9_000);
    repost["reason"] = json!({ "$type": "app.bsky.feed.defs#reasonRepost", "by": { "did": did }, "indexedAt": scene.ago(600) });
    scene.says(AUTHOR_FEED, json!({ "feed": [pinned, repost] }));
    for (filter, expected) in [
        (None, ["pinned", "image", "answer", "thread", "plain", "repost"].as_slice()),
        (Some("posts_with_replies"), &["pinned", "image", "answer", "thread", "plain", "repost"]),
        (Some("posts_no_replies"), &["pinned", "image", "plain", "repost"]),
        (Some("posts_and_author_threads"), &["pinned", "image", "thread", "plain", "repost"]),
        (Some("posts_with_media"), &["pinned", "image", "repost"]),
        (Some("posts_with_video"), &["pinned", "repost"]),
        (Some("of_later_days"), &["pinned", "repost"]),
    ] {
        for actor in [did.as_str(), "alice.test"] {
            let mut params = vec![("actor", actor)];
            params.extend(filter.map(|filter| ("filter", filter)));
            let reply = scene.alice.query(AUTHOR_FEED, &params).await;
            assert_eq!(texts(&reply), expected, "{filter:?}");
        }
    }
    let others = scene.alice.query(AUTHOR_FEED, &[("actor", "did:web:bob.test")]).await;
    assert_eq!(texts(&others), ["pinned", "repost"]);
    assert_eq!(scene.alice.query(AUTHOR_FEED, &[("actor", "!")]).await, (400, "InvalidRequest"));
}

#[tokio::test]
async fn authors_have_their_new_name_and_face() {
    let scene = Scene::set().await;
    let profile = scene.set_profile().await;
    let mut own = scene.item("own", 100);
    own["post"]["author"] = json!({ "did": scene.alice.did, "handle": "alice.test", "displayName": "Old", "labels": [] });
    let other = scene.item("other", 200);
    let avatar = format!(
        "https://cdn.test/avatar/plain/{}/{}@jpeg",
        scene.alice.did,
        link(&profile["avatar"])
    );
    for nsid in [LIKES, AUTHOR_FEED] {
        scene.says(nsid, json!({ "feed": [own, other] }));
        let feed = scene.alice.query(nsid, &[("actor", "bob.test")]).await.ok();
        let author = json!({ "did": scene.alice.did, "handle": "alice.test", "displayName": "Alice the New", "avatar": avatar, "labels": [] });
        assert_eq!(feed["feed"][0]["post"]["author"], author, "{nsid}");
        assert_eq!(feed["feed"][1], other);
    }
}
