//! Threads as flat lists. The AppView says with profiles only how far it has come.

use super::*;

const THREAD_V2: &str = "app.bsky.unspecced.getPostThreadV2";
const BOB: &str = "did:web:bob.test";

fn item(post: &Value, depth: i64) -> Value {
    json!({ "uri": post["uri"], "depth": depth, "value": {
        "$type": "app.bsky.unspecced.defs#threadItemPost",
        "post": post,
        "moreParents": false,
        "moreReplies": 0,
        "opThread": post["author"]["did"] == BOB,
        "hiddenByThreadgate": false,
        "mutedByViewer": false,
    }})
}

fn not_found(uri: &str) -> Value {
    let value = json!({ "$type": "app.bsky.unspecced.defs#threadItemNotFound" });
    json!({ "thread": [{ "uri": uri, "depth": 0, "value": value }], "hasOtherReplies": false })
}

/// Depths and texts.
fn lines(reply: &Reply) -> Vec<(i64, String)> {
    let items = reply.ok()["thread"].as_array().unwrap().clone();
    let text = |it: &Value| it["value"]["post"]["record"]["text"].as_str().unwrap().to_owned();
    items.iter().map(|it| (it["depth"].as_i64().unwrap(), text(it))).collect()
}

fn lined(lines: &[(i64, &str)]) -> Vec<(i64, String)> {
    lines.iter().map(|(depth, text)| (*depth, (*text).to_owned())).collect()
}

/// A scene in which the AppView knows a root of Bob's and an answer to it, and Alice has answered to both.
async fn conversation() -> (Scene, Value, Value, Value) {
    let scene = Scene::set().await;
    let root = scene.item("root", 100)["post"].clone();
    let mut known = scene.item("known", 90)["post"].clone();
    known["record"]["reply"] = json!({ "root": strong(&root), "parent": strong(&root) });
    let answer = async |text, parent| scene.answer(text, &root, parent).await;
    let one = answer("to the root", &root).await;
    answer("to the known answer", &known).await;
    answer("to my answer", &one).await;
    scene.says(PROFILE, json!({ "did": scene.alice.did, "handle": "alice.test" }));
    (scene, root, known, one)
}

impl Scene {
    /// As the real one: without its rev.
    fn says_thread(&self, json: Value) {
        self.appview.on_json(THREAD_V2, None, json);
    }
}

#[tokio::test]
async fn own_answers_stand_in_a_flat_thread() {
    let (scene, root, known, _) = &conversation().await;
    let thread = json!([item(root, 0), item(known, 1)]);
    scene.says_thread(json!({ "thread": thread, "hasOtherReplies": true }));
    let uri = root["uri"].as_str().unwrap();
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri)]).await;
    assert!(reply.header(LAG).is_some());
    assert_eq!(reply.ok()["hasOtherReplies"], true);
    let (ours, deep) = ((1, "to the root"), (2, "to my answer"));
    let (known_one, under) = ((1, "known"), (2, "to the known answer"));
    // The answer of the thread's author comes first, whatever the order.
    assert_eq!(lines(&reply), lined(&[(0, "root"), known_one, under, ours, deep]));
    let items = &reply.ok()["thread"];
    assert_eq!(items[3]["value"]["opThread"], false);
    assert_eq!(items[3]["value"]["post"]["author"]["handle"], "alice.test");
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri), ("below", "1")]).await;
    assert_eq!(lines(&reply), lined(&[(0, "root"), known_one, ours]));

    // Own answers stand above those of others: the oldest of them first, or the newest.
    let carla = json!({ "did": "did:web:carla.test", "handle": "carla.test" });
    let (mut hers, mut mine) = (known.clone(), known.clone());
    hers["uri"] = json!("at://did:web:carla.test/app.bsky.feed.post/hers");
    (hers["author"], hers["record"]["text"]) = (carla, json!("hers"));
    mine["uri"] = json!(format!("at://{}/app.bsky.feed.post/mine", scene.alice.did));
    mine["author"]["did"] = json!(scene.alice.did);
    mine["record"]["text"] = json!("mine");
    let thread = json!([item(root, 0), item(known, 1), item(&mine, 1), item(&hers, 1)]);
    scene.says_thread(json!({ "thread": thread, "hasOtherReplies": false }));
    let (my_first, other) = ((1, "mine"), (1, "hers"));
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri)]).await;
    let expected = [(0, "root"), known_one, under, my_first, ours, deep, other];
    assert_eq!(lines(&reply), lined(&expected));
    for sort in ["newest", "top"] {
        let reply = scene.alice.query(THREAD_V2, &[("anchor", uri), ("sort", sort)]).await;
        let expected = [(0, "root"), known_one, under, ours, deep, my_first, other];
        assert_eq!(lines(&reply), lined(&expected), "{sort}");
    }
    let thread = json!([item(root, 0), item(known, 1)]);
    scene.says_thread(json!({ "thread": thread, "hasOtherReplies": false }));
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri), ("below", "0")]).await;
    assert_eq!(lines(&reply), lined(&[(0, "root"), known_one]));

    // From the answer on: what is above it has no branches.
    let thread = json!([item(root, -1), item(known, 0)]);
    scene.says_thread(json!({ "thread": thread, "hasOtherReplies": false }));
    let uri = known["uri"].as_str().unwrap();
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri)]).await;
    assert_eq!(lines(&reply), lined(&[(-1, "root"), (0, "known"), (1, "to the known answer")]));
}

#[tokio::test]
async fn a_flat_thread_that_begins_with_an_unknown_post_is_made_here() {
    let (scene, root, _, one) = &conversation().await;
    let known = json!({ "thread": [item(root, 0)], "hasOtherReplies": false });
    let unknown = one["uri"].as_str().unwrap().to_owned();
    let nothing = not_found(&unknown);
    scene.appview.on(THREAD_V2, move |seen| {
        let query = seen.query.clone().unwrap();
        let is_root = query.contains("bob.test");
        axum::Json(if is_root { known.clone() } else { nothing.clone() }).into_response()
    });
    let by_handle = unknown.replace(scene.alice.did.as_str(), "alice.test");
    for uri in [unknown.as_str(), by_handle.as_str()] {
        let reply = scene.alice.query(THREAD_V2, &[("anchor", uri)]).await;
        assert!(reply.header(LAG).is_some());
        let expected = [(-1, "root"), (0, "to the root"), (1, "to my answer")];
        assert_eq!(lines(&reply), lined(&expected));
    }
    // As a client asks that waits for its own post.
    let params = [("anchor", unknown.as_str()), ("above", "false"), ("below", "0")];
    let reply = scene.alice.query(THREAD_V2, &params).await;
    assert_eq!(lines(&reply), lined(&[(0, "to the root")]));
    assert_eq!(reply.ok()["thread"][0]["value"]["opThread"], false);

    // A thread of one's own.
    let first = scene.alice.create("app.bsky.feed.post", post("a thread")).await.ok();
    let mut second = post("its second part");
    second["reply"] = json!({ "root": strong(&first), "parent": strong(&first) });
    let second = scene.alice.create("app.bsky.feed.post", second).await.ok();
    scene.says_thread(not_found("at://x"));
    let uri = second["uri"].as_str().unwrap();
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri)]).await;
    assert_eq!(lines(&reply), lined(&[(-1, "a thread"), (0, "its second part")]));
    for item in reply.ok()["thread"].as_array().unwrap() {
        assert_eq!(item["value"]["opThread"], true);
    }
    // What is not there is not there, and others see what the AppView knows.
    let bob = scene.pds.account("bobby").await;
    let gone = format!("at://{}/app.bsky.feed.post/3aaaaaaaaaa22", scene.alice.did);
    for (who, uri) in [(&scene.alice, gone.as_str()), (&bob, uri)] {
        let reply = who.query(THREAD_V2, &[("anchor", uri)]).await;
        assert_eq!(reply.ok(), not_found("at://x"));
    }
}

#[tokio::test]
async fn whoever_has_not_posted_lately_costs_the_app_view_one_question() {
    let (scene, root, ..) = &conversation().await;
    let answer = json!({ "thread": [item(root, 0)], "hasOtherReplies": false });
    scene.says_thread(answer.clone());
    let uri = root["uri"].as_str().unwrap();
    let asked = || scene.appview.seen().iter().filter(|seen| seen.nsid == PROFILE).count();
    scene.alice.query(THREAD_V2, &[("anchor", uri)]).await.ok();
    assert_eq!(asked(), 1);
    scene.wait(11 * 60);
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri)]).await;
    assert_eq!((reply.ok(), reply.header(LAG)), (answer.clone(), None));
    assert_eq!(asked(), 1);
    // An AppView that does not tell, or fails, has its answer stand.
    scene.alice.post("just now").await;
    scene.appview.on(PROFILE, |_| refusal(500, "InternalServerError", "no"));
    let reply = scene.alice.query(THREAD_V2, &[("anchor", uri)]).await;
    assert_eq!((reply.ok(), reply.header(LAG)), (answer, None));
    assert_eq!(scene.alice.query(THREAD_V2, &[]).await, (400, "InvalidRequest"));
}
