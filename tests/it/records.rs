//! Reading records: `getRecord`, `listRecords`, `describeRepo`.

use cairn_tests::{TestPds, post, rkey};
use serde_json::json;

#[tokio::test]
async fn a_record_is_read_back_as_it_was_written() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let record = json!({
        "$type": "com.example.everything", "text": "Grüße \"you\" \\ \u{1}\u{1f9f1}", "zero": 0, "big": 9_007_199_254_740_991_i64, "negative": -5,
        "yes": true, "nothing": null, "list": [1, [2], {"a": {}}], "bytes": {"$bytes": "aGVsbG8"},
        "link": {"$link": "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"},
    });
    let created = alice.create("com.example.everything", record.clone()).await.ok();
    assert_eq!(created["validationStatus"], "unknown");
    let seen = alice.record("com.example.everything", &rkey(&created)).await.ok();
    assert_eq!(seen, json!({ "uri": created["uri"], "cid": created["cid"], "value": record }));
}

#[tokio::test]
async fn a_record_is_found_by_handle_and_by_its_present_cid_only() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let created = alice.create("app.bsky.feed.post", post("one")).await.ok();
    let (rkey, cid) = (rkey(&created), created["cid"].as_str().unwrap().to_owned());
    let get = |repo: &str, cid: &str| {
        let params = [
            ("repo", repo.to_owned()),
            ("collection", "app.bsky.feed.post".to_owned()),
            ("rkey", rkey.clone()),
            ("cid", cid.to_owned()),
        ];
        let anyone = pds.anyone.clone();
        async move {
            let params: Vec<(&str, &str)> =
                params.iter().map(|(name, value)| (*name, value.as_str())).collect();
            anyone.query("com.atproto.repo.getRecord", &params).await
        }
    };
    get("alice.test", &cid).await.ok();
    get(alice.did.as_str(), "").await.ok();
    let other = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a";
    assert_eq!(get("alice.test", other).await, (400, "RecordNotFound"));
    assert_eq!(get("alice.test", "nonsense").await, (400, "InvalidRequest"));
    assert_eq!(get("bob.test", &cid).await, (400, "RepoNotFound"));
    assert_eq!(alice.record("app.bsky.feed.post", "nothing-here").await, (400, "RecordNotFound"));
    assert_eq!(alice.record("not a collection", "x").await, (400, "InvalidRequest"));
}

#[tokio::test]
async fn a_collection_is_listed_in_pages_from_either_end() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for n in 0..12 {
        alice.put("com.example.thing", &format!("k{n:02}"), json!({ "n": n })).await.ok();
        alice.put("com.example.thinker", &format!("k{n:02}"), json!({ "n": n })).await.ok();
    }
    let page = |extra: Vec<(&'static str, String)>| {
        let mut params =
            vec![("repo", alice.did.to_string()), ("collection", "com.example.thing".to_owned())];
        params.extend(extra);
        let anyone = pds.anyone.clone();
        async move {
            let params: Vec<(&str, &str)> =
                params.iter().map(|(name, value)| (*name, value.as_str())).collect();
            anyone.query("com.atproto.repo.listRecords", &params).await.ok()
        }
    };
    for reverse in ["false", "true"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = page(vec![
                ("limit", "5".to_owned()),
                ("reverse", reverse.to_owned()),
                ("cursor", cursor),
            ])
            .await;
            let records = page["records"].as_array().unwrap().clone();
            seen.extend(records.iter().map(|record| record["value"]["n"].as_i64().unwrap()));
            match page["cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let mut wanted: Vec<i64> = (0..12).collect();
        if reverse == "false" {
            wanted.reverse();
        }
        assert_eq!(seen, wanted);
    }
    let bounded = page(vec![("rkeyStart", "k03".to_owned()), ("rkeyEnd", "k06".to_owned())]).await;
    let keys: Vec<i64> = bounded["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["value"]["n"].as_i64().unwrap())
        .collect();
    assert_eq!(keys, [5, 4]);
}

#[tokio::test]
async fn a_page_of_large_records_ends_early_and_the_next_goes_on() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for rkey in 'a'..='g' {
        let record = json!({ "text": "x".repeat(900_000) });
        alice.put("com.example.large", &rkey.to_string(), record).await.ok();
    }
    let (mut cursor, mut sizes) = (None::<String>, Vec::new());
    loop {
        let mut params = vec![("repo", alice.did.as_str()), ("collection", "com.example.large")];
        params.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = pds.anyone.query("com.atproto.repo.listRecords", &params).await.ok();
        sizes.push(page["records"].as_array().unwrap().len());
        cursor = page["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [5, 2, 0]);
}

#[tokio::test]
async fn an_empty_collection_is_an_empty_page() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let list = "com.atproto.repo.listRecords";
    let params = [("repo", alice.did.as_str()), ("collection", "com.example.thing")];
    assert_eq!(pds.anyone.query(list, &params).await.ok(), json!({ "records": [] }));
    assert_eq!(
        pds.anyone.query(list, &[("repo", "bob.test"), ("collection", "com.example.thing")]).await,
        (400, "RepoNotFound")
    );
    for (name, value) in
        [("limit", "0"), ("limit", "101"), ("limit", "x"), ("reverse", "maybe"), ("cursor", "a/b")]
    {
        let params =
            [("repo", alice.did.as_str()), ("collection", "com.example.thing"), (name, value)];
        assert_eq!(
            pds.anyone.query(list, &params).await,
            (400, "InvalidRequest"),
            "{name}={value}"
        );
    }
}

#[tokio::test]
async fn a_repository_is_described() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.post("one").await;
    alice.put("app.bsky.actor.profile", "self", json!({ "displayName": "Alice" })).await.ok();
    let description =
        pds.anyone.query("com.atproto.repo.describeRepo", &[("repo", "alice.test")]).await.ok();
    assert_eq!(description["did"], alice.did.as_str());
    assert_eq!(description["handle"], "alice.test");
    assert_eq!(description["handleIsCorrect"], true);
    assert_eq!(description["collections"], json!(["app.bsky.actor.profile", "app.bsky.feed.post"]));
    assert_eq!(description["didDoc"]["id"], alice.did.as_str());
    assert_eq!(
        pds.anyone.query("com.atproto.repo.describeRepo", &[("repo", "bob.test")]).await,
        (400, "RepoNotFound")
    );
}

#[tokio::test]
async fn records_survive_a_restart() {
    let mut pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let rkey = alice.post("still here").await;
    let head = alice.head().await;
    pds.restart().await;
    assert_eq!(alice.record("app.bsky.feed.post", &rkey).await.ok()["value"]["text"], "still here");
    assert_eq!(alice.head().await, head);
    alice.post("and on").await;
    assert_eq!(alice.repo().await.records.len(), 2);
}
