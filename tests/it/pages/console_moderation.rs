//! Records and blobs in the console: found, looked at, taken down, restored; and lists of accounts.

use cairn_tests::{PASSWORD, TestPds};
use serde_json::json;

use super::console::{log, operator};

#[tokio::test]
async fn whatever_names_something_leads_to_it() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let rkey = alice.post("hello").await;
    let mut browser = operator(&pds).await;
    let mut find = async |text: &str| {
        let query: String =
            reqwest::Url::parse_with_params("x:/", [("q", text)]).unwrap().query().unwrap().into();
        browser.get(&format!("/admin/moderation?{query}")).await
    };
    let account = format!("/admin/accounts/{}", alice.did);
    for text in
        ["alice.test", &format!("at://{}", alice.did), "https://bsky.app/profile/alice.test"]
    {
        assert_eq!(find(text).await.location, account, "{text}");
    }
    let record = format!("at://{}/app.bsky.feed.post/{rkey}", alice.did);
    let by_handle = format!("https://bsky.app/profile/alice.test/post/{rkey}");
    for text in [record.as_str(), &by_handle] {
        let view = find(text).await;
        assert!(view.location.starts_with("/admin/moderation/record?uri=at%3A%2F%2F"), "{text}");
    }
    let cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    let blob = find(&format!("{} {cid}", alice.did)).await;
    assert!(blob.location.starts_with("/admin/moderation/blob?did="), "{blob:?}");
    for text in ["nobody.test", "nonsense", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"] {
        assert!(find(text).await.error("q").starts_with("This names nothing"), "{text}");
    }
    assert_eq!(browser.get(&blob.location).await.status, 404);
    for missing in ["record?uri=x", "record", "blob?did=x&cid=y", "else"] {
        assert_eq!(browser.get(&format!("/admin/moderation/{missing}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_record_is_taken_down_with_a_reference_and_restored() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let rkey = alice.post("<i>rude").await;
    let uri = format!("at://{}/app.bsky.feed.post/{rkey}", alice.did);
    let mut browser = operator(&pds).await;
    let view = browser.get(&format!("/admin/moderation?q={uri}")).await;
    let page = view.location.clone();
    let view = browser.get(&page).await;
    assert!(view.has("&#60;i&#62;rude") && view.has("alice.test"), "{view:?}");
    let path = "/admin/moderation/record";
    let down = [("uri", uri.as_str()), ("act", "take-down"), ("reference", "case 7")];
    let view = browser.submit(path, &down).await;
    assert!(view.error("reason").starts_with("Say why"));
    let view = browser.submit(path, &[&down[..], &[("reason", "insults")]].concat()).await;
    assert_eq!(view.location, page);
    let view = browser.follow(&view).await;
    assert!(view.has("It is taken down.") && view.has("case 7"), "{view:?}");
    assert_eq!(alice.record("app.bsky.feed.post", &rkey).await.status, 400);
    let subject = [("uri", uri.as_str())];
    let status = pds.admin().query("com.atproto.admin.getSubjectStatus", &subject).await.ok();
    assert_eq!(status["takedown"], json!({ "applied": true, "ref": "case 7" }));
    assert!(browser.get("/admin/moderation?show=records").await.has(&uri));
    assert!(log(&mut browser).await.contains("insults"));
    let view = browser.submit(path, &[("uri", &uri), ("act", "restore"), ("reason", "")]).await;
    assert!(browser.follow(&view).await.has("It is shown again."));
    alice.record("app.bsky.feed.post", &rkey).await.ok();
    assert!(!browser.get("/admin/moderation?show=records").await.has(&uri));
}

#[tokio::test]
async fn a_file_is_taken_down_and_found_from_its_record() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let blob = alice.blob("text/plain", "twelve bytes").await;
    let record = json!({ "$type": "com.example.file", "file": blob });
    alice.put("com.example.file", "self", record).await.ok();
    let cid = blob["ref"]["$link"].as_str().unwrap().to_owned();
    let uri = format!("at://{}/com.example.file/self", alice.did);
    let mut browser = operator(&pds).await;
    let view = browser.get(&format!("/admin/moderation?q={uri}")).await;
    let view = browser.follow(&view).await;
    let (_, link) = view.html.split_once("href=\"/admin/moderation/blob?").unwrap();
    let page =
        format!("/admin/moderation/blob?{}", link.split('"').next().unwrap()).replace("&#38;", "&");
    let view = browser.get(&page).await;
    assert!(view.has(&cid) && view.has("12 B") && view.has(&uri), "{view:?}");
    let fields =
        [("did", alice.did.as_str()), ("cid", &cid), ("act", "take-down"), ("reason", "law")];
    let view = browser.submit("/admin/moderation/blob", &fields).await;
    assert!(browser.follow(&view).await.has("It is taken down."));
    let wanted = [("did", alice.did.as_str()), ("cid", cid.as_str())];
    assert_eq!(pds.anyone.query("com.atproto.sync.getBlob", &wanted).await.status, 400);
    assert!(browser.get("/admin/moderation?show=blobs").await.has(&cid));
    let fields = [("did", alice.did.as_str()), ("cid", &cid), ("act", "restore")];
    browser.submit("/admin/moderation/blob", &fields).await;
    assert_eq!(pds.anyone.query("com.atproto.sync.getBlob", &wanted).await.status, 200);
}

#[tokio::test]
async fn accounts_are_listed_by_state_and_in_orders() {
    let pds = TestPds::start().await;
    for number in 0..52 {
        pds.account(&format!("a{number:02}")).await;
    }
    let large = pds.account("large").await;
    large.blob("text/plain", "twelve bytes").await;
    let mut browser = operator(&pds).await;
    let first = browser.get("/admin/accounts?order=largest").await;
    let place = |view: &cairn_tests::View, name: &str| view.html.find(&format!(">{name}.test<"));
    assert!(place(&first, "large") < place(&first, "a51") && first.has("12 B"), "{first:?}");
    let (_, next) = first.html.split_once("href=\"/admin/accounts?order=largest").unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let second = browser.get(&format!("/admin/accounts?order=largest{next}")).await;
    assert_eq!(second.html.matches("class=\"choice grow\"").count(), 3, "{second:?}");
    assert!(place(&second, "a00").is_some() && place(&second, "large").is_none());
    let newest = browser.get("/admin/accounts?order=newest").await;
    assert!(place(&newest, "large") < place(&newest, "a51"));
    assert!(place(&newest, "a51") < place(&newest, "a50"));
    browser.fill(&format!("/admin/accounts/{}/deactivate", large.did), &[]).await;
    let hidden = browser.get("/admin/accounts?status=deactivated").await;
    assert!(place(&hidden, "large").is_some() && place(&hidden, "a00").is_none());
    let active = browser.get("/admin/accounts?status=active&q=la").await;
    assert!(active.has("No account begins like this"), "{active:?}");
    assert!(large.sign_in(&pds, PASSWORD).await.did == large.did);
}
