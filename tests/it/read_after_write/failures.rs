//! Answers that are hard to patch, or not at all.

use super::*;

#[tokio::test]
async fn what_cannot_be_patched_stays_as_it_came() {
    let scene = Scene::set().await;
    scene.set_profile().await;
    scene.alice.post("new").await;
    let rev = scene.rev.clone();
    let says = |kind: &'static str, coding: Option<&'static str>, body: &'static [u8]| {
        let rev = rev.clone();
        scene.appview.on(TIMELINE, move |_| {
            let mut response = ([("content-type", kind)], body).into_response();
            let headers = response.headers_mut();
            headers.insert("atproto-repo-rev", rev.parse().unwrap());
            if let Some(coding) = coding {
                headers.insert("content-encoding", coding.parse().unwrap());
            }
            response
        });
    };
    let json = "application/json";
    for (kind, coding, body) in [
        (json, None, b"{ not json".as_slice()),
        (json, None, br#"{ "feed": "none" }"#),
        (json, None, br#"{ "feed": [{ "post": { "indexedAt": "yesterday" } }] }"#),
        (json, None, br#"[1.50, 1e400]"#),
        (json, Some("gzip"), b"not packed"),
        (json, Some("zstd"), b"unknown"),
        ("text/plain", None, br#"{ "feed": [] }"#),
    ] {
        says(kind, coding, body);
        let reply = scene.alice.query(TIMELINE, &[]).await;
        assert_eq!((reply.status, reply.bytes.as_ref()), (200, body));
        assert_eq!((reply.header(LAG), reply.header("content-encoding")), (None, coding));
        assert_eq!(reply.header("content-type"), Some(kind));
    }
    scene.appview.on(TIMELINE, |_| refusal(500, "Broken", "no"));
    assert_eq!(scene.alice.query(TIMELINE, &[]).await, (502, "Broken"));

    // A view that would need more of an AppView that is failing.
    let mut quoting = post("quoting");
    quoting["embed"] = json!({ "$type": "app.bsky.embed.record", "record": { "uri": "at://did:web:bob.test/app.bsky.feed.post/1", "cid": "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a" } });
    scene.alice.create("app.bsky.feed.post", quoting).await.ok();
    scene.appview.on("app.bsky.feed.getPosts", |_| refusal(503, "Busy", "no"));
    scene.says(TIMELINE, json!({ "feed": [] }));
    assert_eq!(scene.alice.query(TIMELINE, &[]).await.ok(), json!({ "feed": [] }));
}

#[tokio::test]
async fn packed_answers_are_patched_too() {
    let scene = Scene::set().await;
    scene.alice.post("new").await;
    let body = json!({ "feed": [], "filler": "x".repeat(100_000) }).to_string();
    let mut packed = Vec::new();
    GzipEncoder::new(body.as_bytes()).read_to_end(&mut packed).await.unwrap();
    let rev = scene.rev.clone();
    scene.appview.on(TIMELINE, move |_| {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("atproto-repo-rev", rev.as_str()),
        ];
        (headers, packed.clone()).into_response()
    });
    let reply = scene.alice.query(TIMELINE, &[]).await;
    assert_eq!(texts(&reply), ["new"]);
    assert_eq!(reply.header("content-encoding"), None);
    let request = scene
        .alice
        .request(Method::GET, TIMELINE)
        .header("accept-encoding", "zstd, gzip, br;q=0.1");
    let reply = scene.alice.send(request).await;
    assert_eq!(scene.appview.last().header("accept-encoding"), Some("gzip, br;q=0.1"));
    assert_eq!(reply.header("content-encoding"), Some("gzip"), "the client gets it packed again");
    assert!(reply.body().len() < 2_000);
}

#[tokio::test]
async fn an_account_that_has_moved_here_is_not_patched_by_its_whole_past() {
    let scene = Scene::set().await;
    scene.alice.post("new").await;
    // Imported records all have the rev of the import.
    let car = scene.alice.car().await;
    scene.alice.upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", car).await.body();
    scene.says(TIMELINE, json!({ "feed": [] }));
    let reply = scene.alice.query(TIMELINE, &[]).await;
    assert_eq!((texts(&reply), reply.header(LAG)), (Vec::new(), None));
}

#[tokio::test]
async fn an_answer_that_unpacks_without_end_is_not_unpacked() {
    let scene = Scene::set().await;
    scene.alice.post("new").await;
    let body = format!("\"{}\"", " ".repeat(11 * 1024 * 1024));
    let mut packed = Vec::new();
    GzipEncoder::new(body.as_bytes()).read_to_end(&mut packed).await.unwrap();
    let (rev, sent) = (scene.rev.clone(), packed.clone());
    scene.appview.on(TIMELINE, move |_| {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("atproto-repo-rev", rev.as_str()),
        ];
        (headers, sent.clone()).into_response()
    });
    let request = scene.alice.request(Method::GET, TIMELINE).header("accept-encoding", "gzip");
    let reply = scene.alice.send(request).await;
    assert_eq!((reply.body().as_ref(), reply.header(LAG)), (packed.as_slice(), None));
    // A limit on what comes holds before anything is unpacked.
    let rev = scene.rev.clone();
    scene.appview.on(TIMELINE, move |_| {
        let headers = [("content-type", "application/json"), ("atproto-repo-rev", rev.as_str())];
        let pieces =
            cairn_tests::slowly(11, vec![b' '; 1024 * 1024].into(), std::time::Duration::ZERO);
        (headers, pieces).into_response()
    });
    assert_eq!(scene.alice.query(TIMELINE, &[]).await, (502, "UpstreamFailure"));
}
