//! Taking along what an account has, pausing it, ending it.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_identity::{Curve, SigningKey};
use cairn_tests::{Browser, DirectoryFault, PASSWORD, RepoCopy, TestAccount, TestPds, post};
use reqwest::Method;
use serde_json::{Value, json};

use super::{sign_in, signed_in};

/// A download: its headers' say and its bytes.
pub async fn download(browser: &Browser, path: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let response = browser.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let headers = response.headers().clone();
    (headers, response.bytes().await.unwrap().to_vec())
}

/// The files of a tar, read by nothing but the format's own words.
fn untar(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut at = 0;
    while bytes[at] != 0 {
        let header = &bytes[at..at + 512];
        let text = |from: usize, to: usize| {
            let field = &header[from..to];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8(field[..end].to_vec()).unwrap()
        };
        let size = usize::from_str_radix(&text(124, 136), 8).unwrap();
        files.insert(text(0, 100), bytes[at + 512..at + 512 + size].to_vec());
        at += 512 + size.div_ceil(512) * 512;
    }
    assert_eq!(bytes.len(), at + 1024, "two empty blocks end it");
    files
}

/// An account with posts, two files and a preference.
pub async fn furnished(pds: &TestPds) -> TestAccount {
    let alice = pds.account("alice").await;
    for n in 0..20 {
        alice.post(&format!("post {n}")).await;
    }
    for (kind, content) in [("text/plain", "a file"), ("image/png", "\u{89}PNG no picture")] {
        let blob = alice.blob(kind, content).await;
        alice.create("com.example.file", json!({ "file": blob })).await.ok();
    }
    let preferences = json!({ "preferences": [{ "$type": "app.bsky.actor.defs#adultContentPref", "enabled": true }] });
    alice.call("app.bsky.actor.putPreferences", preferences).await.ok();
    alice
}

#[tokio::test]
async fn an_archive_holds_everything_and_no_secret() {
    let pds = TestPds::start().await;
    let alice = furnished(&pds).await;
    let key = pds.world.signing_key(&alice.did).await;
    let base = format!("/account/u/{}/data", alice.did);
    let browser = signed_in(&pds, "alice.test").await;

    for is_active in [true, false] {
        let (headers, archive) = download(&browser, &format!("{base}/archive.tar")).await;
        let said = headers["content-disposition"].to_str().unwrap();
        assert!(said.starts_with("attachment; filename=\"alice.test-") && said.ends_with(".tar\""));
        assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
        let files = untar(&archive);
        assert_eq!(files.len(), 5, "{:?}", files.keys());
        let repo = RepoCopy::read(&files["repo.car"].clone().into(), &alice.did, &key);
        assert_eq!(repo.records.len(), 22);
        let about: Value = serde_json::from_slice(&files["account.json"]).unwrap();
        assert_eq!((&about["did"], &about["handle"]), (&json!(alice.did), &json!("alice.test")));
        assert_eq!(about["repository"]["bytes"], files["repo.car"].len());
        assert!(about["directoryLog"].as_str().unwrap().ends_with("/log/audit"), "{about}");
        let preferences: Value = serde_json::from_slice(&files["preferences.json"]).unwrap();
        assert_eq!(preferences["preferences"][0]["enabled"], true);
        let blobs: Vec<(&String, &Vec<u8>)> =
            files.iter().filter(|(name, _)| name.starts_with("blobs/")).collect();
        assert_eq!(blobs.len(), 2);
        let text = blobs.iter().find(|(name, _)| name.ends_with(".txt")).expect("its extension");
        assert_eq!(text.1, b"a file");
        for secret in [PASSWORD, "alice@mail.test", "argon2"] {
            assert!(!archive.windows(secret.len()).any(|part| part == secret.as_bytes()));
        }
        let (_, car) = download(&browser, &format!("{base}/repo.car")).await;
        assert_eq!(car, files["repo.car"]);
        if is_active {
            alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
        }
    }
}

#[tokio::test]
async fn blobs_are_listed_and_downloaded_one_by_one() {
    let pds = TestPds::start().await;
    let alice = furnished(&pds).await;
    let bob = pds.account("bob").await;
    let base = format!("/account/u/{}/data", alice.did);
    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&base).await;
    assert!(page.has("2 files") && page.has("Download"), "{page:?}");
    let page = browser.get(&format!("{base}/blobs")).await;
    assert!(page.has("text/plain") && page.has("6 B"), "{page:?}");
    let (_, after) = page.html.split_once(&format!("{base}/blobs/")).unwrap();
    let cid = after.split('"').next().unwrap().to_owned();
    let (headers, bytes) = download(&browser, &format!("{base}/blobs/{cid}")).await;
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment;"));
    assert_eq!(headers["content-length"].to_str().unwrap(), bytes.len().to_string());

    // Nobody else's, and none that is not there.
    let mut other = signed_in(&pds, "bob.test").await;
    assert_eq!(other.get(&format!("{base}/blobs/{cid}")).await.status, 303);
    assert_eq!(other.get(&format!("/account/u/{}/data/blobs/{cid}", bob.did)).await.status, 404);
    assert_eq!(browser.get(&format!("{base}/blobs/nonsense")).await.status, 404);
    let page = other.get(&format!("/account/u/{}/data/blobs", bob.did)).await;
    assert!(page.has("No files yet"), "{page:?}");
}

#[tokio::test]
async fn an_account_pauses_and_comes_back() {
    let pds = TestPds::start().await;
    let alice = furnished(&pds).await;
    let base = format!("/account/u/{}/data", alice.did);
    let path = format!("{base}/deactivate");
    let mut browser = signed_in(&pds, "alice.test").await;
    let status = async |active: bool| {
        let status = alice.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
        assert_eq!(status["activated"], active);
    };
    assert!(browser.fill(&path, &[("delete_after", "7")]).await.error("delete_after").len() > 5);
    status(true).await;
    let view = browser.fill(&path, &[("delete_after", "30")]).await;
    assert_eq!((view.status, view.location.as_str()), (303, base.as_str()));
    let view = browser.follow(&view).await;
    assert!(view.has("It is deleted on"), "{view:?}");
    status(false).await;
    let view = browser.get(&path).await;
    assert!(view.has("Without that it is deleted on"), "{view:?}");
    let view = browser.submit(&format!("{base}/activate"), &[]).await;
    assert_eq!(view.location, base);
    status(true).await;
    alice.create("app.bsky.feed.post", post("back")).await.ok();

    // The deadline that was set is honoured, and only after its time.
    browser.fill(&path, &[("delete_after", "30")]).await;
    let mut browser = Browser::new(&pds);
    pds.world.clock().advance(Duration::from_secs(31 * 86_400));
    // Half an hour after signing in, the password is asked for again.
    sign_in(&mut browser, "alice.test").await;
    pds.world.clock().advance(Duration::from_secs(31 * 60));
    let view = browser.get(&path).await;
    assert!(view.location.starts_with("/account/sign-in?login_hint="), "{view:?}");
}

/// Each is two or three events, and a relay takes so many of a server.
#[tokio::test]
async fn an_account_does_not_come_and_go_without_end() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = true).await;
    let alice = furnished(&pds).await;
    let base = format!("/account/u/{}/data", alice.did);
    let mut browser = signed_in(&pds, "alice.test").await;
    for _ in 0..10 {
        browser.fill(&format!("{base}/deactivate"), &[("delete_after", "")]).await;
        let view = browser.submit(&format!("{base}/activate"), &[]).await;
        assert_eq!(view.location, base, "{view:?}");
    }
    let view = browser.fill(&format!("{base}/deactivate"), &[("delete_after", "")]).await;
    assert_eq!(view.status, 429, "{view:?}");
    // The methods count the same.
    let refused = alice.call("com.atproto.server.deactivateAccount", json!({})).await;
    assert_eq!(refused, (429, "RateLimitExceeded"));
}

#[tokio::test]
async fn an_account_is_deleted_with_code_password_and_name() {
    let pds = TestPds::start().await;
    let alice = furnished(&pds).await;
    let path = format!("/account/u/{}/data/delete", alice.did);
    let mut browser = signed_in(&pds, "alice.test").await;
    let view = browser.get(&path).await;
    assert!(view.has("What is lost") && !view.has("name=\"password\""), "{view:?}");
    let view = browser.submit(&path, &[("send", "1")]).await;
    assert_eq!(view.location, format!("{path}?sent=1"));
    let view = browser.follow(&view).await;
    assert!(view.has("A code is on its way"), "{view:?}");
    let code = pds.mailed_code("alice@mail.test");

    let good = [("code", code.as_str()), ("password", PASSWORD), ("name", "alice.test")];
    let changed = |field: &'static str, value: &'static str| {
        good.map(|(name, good)| (name, if name == field { value } else { good }))
    };
    for (field, value, said) in [
        ("code", "AAAAA-BBBBB", "This is not the newest code"),
        ("code", "", "Type the code"),
        ("password", "wrong", "This is not the password"),
        ("password", "", "Type the password"),
        ("name", "alice", "Type exactly this: alice.test"),
    ] {
        let view = browser.submit(&path, &changed(field, value)).await;
        assert!(view.error(field).starts_with(said), "{field} {value}: {view:?}");
        assert!(!view.has(PASSWORD), "a password does not come back");
    }
    alice.post("still here").await;

    let view = browser.submit(&path, &good).await;
    assert_eq!(view.location, "/account/sign-in");
    let view = browser.follow(&view).await;
    assert!(view.has("The account is deleted."), "{view:?}");
    assert_eq!(alice.record("app.bsky.feed.post", "x").await, (400, "RepoNotFound"));
    assert_eq!(browser.get(&path).await.status, 303);
}

#[tokio::test]
async fn a_key_of_the_owners_own_goes_before_the_servers_and_away_again() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let path = format!("/account/u/{}/data/recovery-key", alice.did);
    let mut browser = signed_in(&pds, "alice.test").await;
    let mine = SigningKey::generate(Curve::P256).did_key().to_string();
    let server = pds.rotation_key().did_key().to_string();
    let keys = async || pds.world.plc().get_data(&alice.did).await.unwrap().rotation_keys;
    let code = async |browser: &mut Browser, fields: &[(&str, &str)]| {
        browser.get(&path).await;
        let sent = [&[("send", "1")], fields].concat();
        let view = browser.submit(&path, &sent).await;
        assert!(view.location.starts_with(&format!("{path}?sent=1")), "{view:?}");
        let view = browser.follow(&view).await;
        assert_eq!(view.status, 200);
        pds.mailed_code("alice@mail.test")
    };

    let view = browser.get(&path).await;
    assert!(view.has(&server) && view.has("this server"), "{view:?}");
    let first = code(&mut browser, &[]).await;
    for wrong in ["did:key:zQ3sh", "did:plc:abc", alice.did.as_str(), ""] {
        let view = browser.submit(&path, &[("key", wrong), ("code", &first)]).await;
        assert!(view.error("key").starts_with("This is not a did:key"), "{wrong}: {view:?}");
    }
    let view = browser.submit(&path, &[("key", &mine), ("code", "AAAAA-BBBBB")]).await;
    assert!(view.error("code").starts_with("This is not the newest code"), "{view:?}");
    assert_eq!(view.field("key"), mine, "what was typed comes back");
    assert_eq!(keys().await, std::slice::from_ref(&server));

    // The code outlives a directory that does not answer.
    pds.world.fault_directory(Some(DirectoryFault::TakesNothing));
    let view = browser.submit(&path, &[("key", &mine), ("code", &first)]).await;
    assert!(view.status == 422 && view.has("does not answer"), "{view:?}");
    // What it has taken counts, whatever it says.
    pds.world.fault_directory(Some(DirectoryFault::LosesAnswers));
    let view = browser.submit(&path, &[("key", &mine), ("code", &first)]).await;
    assert_eq!(view.location, path, "{view:?}");
    pds.world.fault_directory(None);
    assert_eq!(keys().await, [mine.clone(), server.clone()]);
    let view = browser.follow(&view).await;
    assert!(view.has("The key is in the directory.") && view.has(&mine), "{view:?}");
    // A code is for one change.
    let other = SigningKey::generate(Curve::K256).did_key().to_string();
    let view = browser.submit(&path, &[("key", &other), ("code", &first)]).await;
    assert!(view.error("code").len() > 5);

    let second = code(&mut browser, &[("remove", &mine)]).await;
    let view = browser.submit(&path, &[("remove", &server), ("code", &second)]).await;
    assert!(view.status == 422 && view.has("for as long as the account lives here"), "{view:?}");
    let view = browser.submit(&path, &[("remove", &mine), ("code", &second)]).await;
    assert_eq!(view.location, path, "{view:?}");
    assert_eq!(keys().await, [server]);
    alice.post("and all goes on").await;
}
