//! The browser of a repository.

use cairn_tests::{TestPds, post};
use serde_json::json;

use super::signed_in;

#[tokio::test]
async fn people_see_what_apps_have_written() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let base = format!("/account/u/{}/records", alice.did);
    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&base).await;
    assert!(page.has("No records yet"), "{page:?}");

    for n in 0..120 {
        let rkey = format!("p{n:03}");
        alice.put("com.example.note", &rkey, json!({ "text": format!("note <{n}>") })).await.ok();
    }
    alice.post("hello").await;
    let page = browser.get(&base).await;
    assert!(page.has("Posts") && page.has("1 record<") && page.has("120 records"), "{page:?}");

    // Newest first, by pages, forth and back.
    let path = format!("{base}/com.example.note");
    let first = browser.get(&path).await;
    assert!(
        first.has("note &#60;119&#62;") && first.has("p070") && !first.has("p069"),
        "{first:?}"
    );
    let link = |to: &str| format!("href=\"{path}?{to}");
    assert!(first.has(&link("after=p070")) && !first.has(&link("before=")));
    let second = browser.get(&format!("{path}?after=p070")).await;
    assert!(second.has("p069") && second.has("p020") && !second.has("p019"), "{second:?}");
    assert!(second.has(&link("before=p069")) && second.has(&link("after=p020")));
    let third = browser.get(&format!("{path}?after=p020")).await;
    assert!(third.has("p000") && !third.has(&link("after=")), "{third:?}");
    let back = browser.get(&format!("{path}?before=p069")).await;
    assert!(back.has("p119") && back.has("p070") && !back.has(&link("before=")), "{back:?}");
    let back = browser.get(&format!("{path}?before=p019")).await;
    assert!(back.has("p069") && back.has("p020") && back.has(&link("before=p069")), "{back:?}");

    let nothing = browser.get(&format!("{base}/com.example.none")).await;
    assert!(nothing.has("No records here"), "{nothing:?}");
    for missing in ["/nonsense", "/com.example.note/p999", "/com.example.note/a b"] {
        assert_eq!(browser.get(&format!("{base}{missing}")).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn a_record_is_shown_with_its_links_and_deleted_once_seen() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let base = format!("/account/u/{}/records", alice.did);
    let blob = alice.blob("text/plain", "a file").await;
    let cid = blob["ref"]["$link"].as_str().unwrap().to_owned();
    let post = alice.create("app.bsky.feed.post", post("<script>alert(1)</script>")).await.ok();
    let record = json!({
        "file": blob, "about": post["uri"], "site": "https://example.com/?a=\"b\"", "run": "javascript:alert(1)",
    });
    alice.put("com.example.file", "self", record).await.ok();

    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&format!("{base}/com.example.file/self")).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.has(&format!("at://{}/com.example.file/self", alice.did)), "{page:?}");
    let rkey = cairn_tests::rkey(&post);
    assert!(page.has(&format!("href=\"{base}/app.bsky.feed.post/{rkey}\"")), "{page:?}");
    assert!(page.has(&format!("href=\"/account/u/{}/data/blobs/{cid}\"", alice.did)), "{page:?}");
    assert!(page.has("href=\"https://example.com/?a=%22b%22\"") && !page.has("href=\"javascript"));
    let shown = browser.get(&format!("{base}/app.bsky.feed.post/{rkey}")).await;
    assert!(!shown.has("<script>alert") && shown.has("&#60;script&#62;alert"), "{shown:?}");

    // What has changed since it was looked at is not deleted.
    let asked = browser.get(&format!("{base}/com.example.file/self/delete")).await;
    let seen = asked.field("cid");
    alice.put("com.example.file", "self", json!({ "text": "another" })).await.ok();
    let path = format!("{base}/com.example.file/self/delete");
    let refused = browser.submit(&path, &[("cid", &seen)]).await;
    assert!(refused.status == 422 && refused.has("was changed meanwhile"), "{refused:?}");
    let seen = refused.field("cid");
    let done = browser.submit(&path, &[("cid", &seen)]).await;
    assert_eq!(done.location, format!("{base}/com.example.file"));
    assert!(browser.follow(&done).await.has("The record is deleted."));
    assert_eq!(alice.record("com.example.file", "self").await, (400, "RecordNotFound"));

    // Nothing is deleted while the account pauses.
    let asked = browser.get(&format!("{base}/app.bsky.feed.post/{rkey}/delete")).await;
    let seen = asked.field("cid");
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    let path = format!("{base}/app.bsky.feed.post/{rkey}/delete");
    let refused = browser.submit(&path, &[("cid", &seen)]).await;
    assert!(refused.status == 422 && refused.has("is not active"), "{refused:?}");
}
