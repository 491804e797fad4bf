//! Threads.

use super::*;

/// Somebody's thread in which the caller has answered.
struct Conversation {
    scene: Scene,
    root: Value,
    /// An answer that the AppView knows.
    known: Value,
    /// The caller's answer to the root, and the one to that.
    one: Value,
    deep: Value,
}

fn node(post: &Value, replies: Value) -> Value {
    json!({ "$type": "app.bsky.feed.defs#threadViewPost", "post": post, "replies": replies })
}

impl Conversation {
    async fn begin() -> Self {
        let scene = Scene::set().await;
        let root = scene.item("root", 100)["post"].clone();
        let known = scene.item("known", 90)["post"].clone();
        let answer = async |text, parent| scene.answer(text, &root, parent).await;
        let one = answer("to the root", &root).await;
        answer("to the known answer", &known).await;
        let deep = answer("to my answer", &one).await;
        scene.alice.post("not in this thread").await;
        Self { scene, root, known, one, deep }
    }
}

#[tokio::test]
async fn own_answers_stand_in_a_thread() {
    let Conversation { scene, root, known, .. } = &Conversation::begin().await;
    let thread =
        node(root, json!([node(known, json!([])), { "$type": "app.bsky.feed.defs#blockedPost" }]));
    scene.says(THREAD, json!({ "thread": thread, "threadgate": { "kept": true } }));
    let view = scene.alice.query(THREAD, &[("uri", root["uri"].as_str().unwrap())]).await.ok();
    assert_eq!(view["threadgate"], json!({ "kept": true }));
    let text = |pointer: &str| view["thread"].pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(text("/replies/0/post/record/text"), "to the root");
    assert_eq!(text("/replies/0/replies/0/post/record/text"), "to my answer");
    assert_eq!(text("/replies/1/post/record/text"), "known");
    assert_eq!(text("/replies/1/replies/0/post/record/text"), "to the known answer");
    assert_eq!(text("/replies").as_array().unwrap().len(), 3);

    // A thread that begins further down names the same root.
    let mut below = known.clone();
    below["record"]["reply"] = json!({ "root": strong(root), "parent": strong(root) });
    scene.says(
        THREAD,
        json!({ "thread": { "$type": "app.bsky.feed.defs#threadViewPost", "post": below } }),
    );
    let view = scene.alice.query(THREAD, &[("uri", known["uri"].as_str().unwrap())]).await.ok();
    assert_eq!(view["thread"]["replies"][0]["post"]["record"]["text"], "to the known answer");
}

#[tokio::test]
async fn a_thread_that_begins_with_an_unknown_post_is_made_here() {
    let Conversation { scene, root, one, deep, .. } = &Conversation::begin().await;
    // The AppView knows what it answers to.
    let (rev, parent) = (scene.rev.clone(), node(root, json!([])));
    let unknown = deep["uri"].clone();
    scene.appview.on(THREAD, move |seen| {
        let query = seen.query.clone().unwrap();
        let mut response = if query.contains("depth=0") {
            assert!(query.contains("root") && query.contains("parentHeight=5"), "{query}");
            axum::Json(json!({ "thread": parent })).into_response()
        } else {
            refusal(400, "NotFound", "Post not found")
        };
        response.headers_mut().insert("atproto-repo-rev", rev.parse().unwrap());
        response
    });
    let uri = unknown.as_str().unwrap();
    let by_handle = uri.replace(scene.alice.did.as_str(), "alice.test");
    for uri in [uri, by_handle.as_str()] {
        let reply = scene.alice.query(THREAD, &[("uri", uri), ("parentHeight", "5")]).await;
        let view = reply.ok();
        assert!(reply.header(LAG).is_some());
        let text = |pointer: &str| view["thread"].pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(text("/post/record/text"), "to my answer");
        assert_eq!(text("/parent/post/record/text"), "to the root");
        assert_eq!(text("/parent/parent/post/record/text"), "root");
    }
    let first = scene
        .alice
        .query(THREAD, &[("uri", one["uri"].as_str().unwrap()), ("parentHeight", "5")])
        .await
        .ok();
    assert_eq!(first["thread"]["replies"][0]["post"]["record"]["text"], "to my answer");
    for other in [
        "at://did:web:bob.test/app.bsky.feed.post/x",
        "at://alice.test/app.bsky.feed.post/3aaaaaaaaaa22",
        "at://alice.test",
    ] {
        let refused = scene.alice.query(THREAD, &[("uri", other)]).await;
        assert_eq!(refused, (400, "NotFound"), "{other}");
        assert_eq!(refused.message(), "Post not found");
    }
}
