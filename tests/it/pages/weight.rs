//! What a page costs: little on the wire, and no second request before something is seen.

use std::collections::BTreeSet;
use std::io::Cursor;

use async_compression::tokio::bufread::GzipDecoder;
use cairn_identity::random_bytes;
use cairn_server::config::SignUp;
use cairn_server::web::{self, Who};
use cairn_tests::{ADMIN_PASSWORD, Browser, OAuthApp, PASSWORD, TestAccount, TestPds, post};
use data_encoding::HEXLOWER;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::{factors, invites, sign_in, signed_in};

/// The largest page, compressed, with its headers left aside.
const MAX_BYTES: usize = 30 * 1024;

/// What comes over the wire, and the page that it holds.
async fn load(browser: &Browser, path: &str) -> (u16, usize, String) {
    let request = browser.request(Method::GET, path).header("accept-encoding", "gzip");
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type");
    if kind.is_some_and(|kind| kind == "text/event-stream") {
        // It has no end.
        return (status, 0, String::new());
    }
    let is_packed = response.headers().get("content-encoding").is_some_and(|it| it == "gzip");
    let bytes = response.bytes().await.unwrap();
    let size = bytes.len();
    let mut whole = bytes.to_vec();
    if is_packed {
        whole.clear();
        GzipDecoder::new(Cursor::new(bytes)).read_to_end(&mut whole).await.unwrap();
    }
    // Some rows of the table are files.
    (status, size, String::from_utf8_lossy(&whole).into_owned())
}

/// What of a page's head the browser fetches before it paints.
fn blocking(html: &str) -> Vec<&str> {
    let head = html.split("<body").next().unwrap();
    let tags = head.split('<').filter_map(|tag| tag.split('>').next());
    let blocks = |tag: &&str| {
        let is_script = tag.starts_with("script") && !tag.contains(" defer");
        let is_sheet = tag.starts_with("link") && tag.contains("stylesheet");
        is_script || is_sheet
    };
    let mut found: Vec<&str> = tags.filter(blocks).collect();
    found.extend(head.contains("@import").then_some("@import"));
    found
}

fn assert_light(path: &str, size: usize, html: &str) {
    assert!(size <= MAX_BYTES, "{path} has {size} bytes");
    assert_eq!(blocking(html), Vec::<&str>::new(), "{path}");
    assert!(html.contains("<style>"), "{path} has no style sheet of its own");
}

#[test]
fn what_blocks_is_seen() {
    let page = |head: &str| format!("<head>{head}</head><body><script src=x></script>");
    assert_eq!(blocking(&page("<script src=\"/a.js\" defer></script>")), Vec::<&str>::new());
    assert_eq!(blocking(&page("<script src=\"/a.js\"></script>")).len(), 1);
    assert_eq!(blocking(&page("<link rel=\"stylesheet\" href=\"/a.css\">")).len(), 1);
    assert_eq!(blocking(&page("<style>@import url(x)</style>")).len(), 1);
}

/// Rows of the table that show no page, and what they are.
const NO_PAGES: &[(&str, &str)] = &[
    ("/.well-known/change-password", "leads to the page for a new password"),
    ("/account/sign-up/handle", "an answer to a page's script"),
    ("/account/u/{account}/handle/check", "an answer to a page's script"),
    ("/account/u/{account}/handle/domain/check", "an answer to a page's script"),
    ("/account/u/{account}/data/archive.tar", "a file"),
    ("/account/u/{account}/data/repo.car", "a file"),
    ("/account/u/{account}/data/blobs/{cid}", "a file"),
    ("/admin/accounts/new/handle", "an answer to a page's script"),
    ("/admin/figures", "an answer to a page's script"),
    ("/admin/firehose/events", "events for a page's script"),
];

/// Acts of the operator on an account that is active and has second factors.
const ACTS: &[&str] = &[
    "mail-reset",
    "set-password",
    "sign-out",
    "remove-factors",
    "stop-invites",
    "deactivate",
    "take-down",
    "delete",
];

/// The pages that were looked at, by their rows of the table.
#[derive(Default)]
struct Scales(BTreeSet<&'static str>);

impl Scales {
    /// Looks at a page whose placeholders are filled in.
    async fn weigh(&mut self, browser: &Browser, row: &'static str, path: &str) -> String {
        assert!(!path.contains('{'), "{path} has a placeholder");
        let (status, size, html) = load(browser, path).await;
        assert!(status == 200 && html.starts_with("<!doctype html>"), "{path}: {status}: {html}");
        assert_light(path, size, &html);
        self.0.insert(row);
        html
    }
}

/// Text that does not get shorter by being compressed.
fn noise(len: usize) -> String {
    let bytes: Vec<u8> = (0..len.div_ceil(64)).flat_map(|_| random_bytes::<32>()).collect();
    HEXLOWER.encode(&bytes)[..len].to_owned()
}

/// Somebody who waits for an account: the page on which they are turned away.
async fn applicant(scales: &mut Scales) {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Approval).await;
    let email = "waiting@mail.test";
    let fields =
        [("handle", "waiting"), ("domain", ".test"), ("email", email), ("password", PASSWORD)];
    Browser::new(&pds).fill("/account/sign-up", &fields).await;
    let mut operator = Browser::new(&pds);
    operator.fill("/admin/sign-in", &[("password", ADMIN_PASSWORD)]).await;
    let view = operator.get("/admin/approvals").await;
    let (_, at) = view.html.split_once("action=\"/admin/approvals/").unwrap();
    let path = format!("/admin/approvals/{}/reject", at.split('/').next().unwrap());
    scales.weigh(&operator, "/admin/approvals/{did}/reject", &path).await;
}

/// Somebody who has codes to give away.
async fn inviter(scales: &mut Scales) {
    let pds = invites::inviting().await;
    let alice = invites::alice(&pds).await;
    let browser = signed_in(&pds, "alice").await;
    let path = format!("/account/u/{}/invites", alice.did);
    scales.weigh(&browser, "/account/u/{account}/invites", &path).await;
}

/// What signing in takes: begun, done, and asked for. The name of the passkey in paths.
async fn second_factors(
    pds: &TestPds,
    alice: &TestAccount,
    browser: &mut Browser,
    scales: &mut Scales,
) -> String {
    factors::begin_app(alice, browser).await;
    let row = "/account/u/{account}/security/app";
    scales.weigh(browser, row, &factors::path(alice, "/app")).await;
    factors::add_app(pds, alice, browser).await;
    factors::add_passkey(pds, alice, browser).await;
    let (other, page) = factors::after_password(pds, "alice").await;
    let path = format!("{}?pending={}", factors::CODE, page.field("pending"));
    scales.weigh(&other, factors::CODE, &path).await;
    let page = browser.get(&factors::path(alice, "")).await;
    let (_, key) = page.html.split_once("/security/passkeys/").unwrap();
    key.split('"').next().unwrap().to_owned()
}

/// The pages that an app's request leads through.
async fn request(pds: &TestPds, browser: &mut Browser, scales: &mut Scales) {
    let app = OAuthApp::loopback(&pds.world, "atproto transition:generic");
    let pushed = app.push(pds, &[]).await;
    browser.get(&pushed.page).await;
    scales.weigh(browser, "/oauth/authorize", &pushed.page).await;
    let row = "/oauth/authorize/request";
    let path = format!("{row}?request_uri={}", pushed.request_uri);
    scales.weigh(browser, row, &path).await;
}

/// A record that is larger than a page may be: its beginning is shown, and all of it to who asks for it.
async fn large_record(alice: &TestAccount, browser: &Browser, scales: &mut Scales) {
    let text = noise(100 * 1024);
    let written = alice.put("com.example.note", "large", json!({ "text": text })).await.ok();
    let row = "/account/u/{account}/records/{collection}/{rkey}";
    let path = format!("/account/u/{}/records/com.example.note/large", alice.did);
    let html = scales.weigh(browser, row, &path).await;
    assert!(html.contains(&text[..1024]) && !html.contains(&text));
    assert!(html.contains("?whole=1#json\""), "no way to the whole");
    let (status, _, whole) = load(browser, &format!("{path}?whole=1")).await;
    assert!(status == 200 && whole.contains(&text));
    assert_eq!(blocking(&whole), Vec::<&str>::new());
    scales.weigh(browser, row, &format!("{path}/delete")).await;
    let row = "/account/u/{account}/records/{collection}";
    scales.weigh(browser, row, path.trim_end_matches("/large")).await;
    let uri = written["uri"].as_str().unwrap();
    let path = format!("/admin/moderation/record?uri={uri}");
    let html = scales.weigh(browser, "/admin/moderation/{kind}", &path).await;
    assert!(html.contains(&text[..1024]) && !html.contains(&text));
    assert!(html.contains("&#38;whole=1#json\""), "no way to the whole");
    let (status, _, whole) = load(browser, &format!("{path}&whole=1")).await;
    assert!(status == 200 && whole.contains(&text));
}

#[tokio::test]
async fn every_page_is_small_and_is_painted_without_a_second_request() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut rkey = String::new();
    for number in 0..100 {
        let made = alice.create("app.bsky.feed.post", post(&format!("post {number}"))).await.ok();
        rkey = cairn_tests::rkey(&made);
    }
    for number in 0..20 {
        pds.account(&format!("a-long-handle-{number}")).await;
    }
    let blob = alice.blob("text/plain", "a file").await;
    alice.put("com.example.file", "self", json!({ "file": blob })).await.ok();
    let cid = blob["ref"]["$link"].as_str().unwrap();

    let mut scales = Scales::default();
    let mut browser = Browser::new(&pds);
    sign_in(&mut browser, "alice").await;
    browser.fill("/admin/sign-in", &[("password", ADMIN_PASSWORD)]).await;
    browser.fill("/admin/invites", &[("count", "20"), ("uses", "1")]).await;
    let made = browser.get("/admin/invites").await;
    let (_, code) = made.html.split_once("/account/sign-up?invite=").unwrap();
    let code = code[..21].to_owned();
    request(&pds, &mut browser, &mut scales).await;

    let key = second_factors(&pds, &alice, &mut browser, &mut scales).await;
    large_record(&alice, &browser, &mut scales).await;
    applicant(&mut scales).await;
    inviter(&mut scales).await;
    let mut several = signed_in(&pds, "a-long-handle-1").await;
    sign_in(&mut several, "a-long-handle-2").await;
    scales.weigh(&several, "/account", "/account").await;
    let did = alice.did.as_str();
    for act in ACTS {
        let path = format!("/admin/accounts/{did}/{act}");
        scales.weigh(&browser, "/admin/accounts/{did}/{act}", &path).await;
    }
    let path = format!("/admin/moderation/blob?did={did}&cid={cid}");
    scales.weigh(&browser, "/admin/moderation/{kind}", &path).await;

    // Tools of development are for whoever develops.
    let rows = web::pages().into_iter().filter(|page| !page.is_form && page.who != Who::Dev);
    let rows: Vec<&str> = rows.map(|page| page.path).collect();
    for row in &rows {
        if scales.0.contains(row) {
            continue;
        }
        let values = [
            ("{account}", did),
            ("{did}", did),
            ("{collection}", "app.bsky.feed.post"),
            ("{rkey}", &rkey),
            ("{cid}", cid),
            ("{code}", &code),
            ("{key}", &key),
        ];
        let path =
            values.iter().fold((*row).to_owned(), |path, (name, value)| path.replace(name, value));
        if let Some((_, reason)) = NO_PAGES.iter().find(|(path, _)| path == row) {
            let path = format!("{path}?handle=alice&domain=alice.example.com");
            let (_, _, html) = load(&browser, &path).await;
            assert!(!html.starts_with("<!doctype html>"), "{path} is a page, and not {reason}");
            continue;
        }
        scales.weigh(&browser, row, &path).await;
    }
    for (row, _) in NO_PAGES {
        assert!(rows.contains(row), "{row} is not in the table");
    }
}

#[tokio::test]
async fn the_pages_of_errors_are_small() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let browser = signed_in(&pds, "alice").await;
    for (path, expected) in [
        ("/account/nothing".to_owned(), 404),
        (format!("/account/u/{}/records/com.example.note/none", alice.did), 404),
        ("/oauth/authorize".to_owned(), 400),
    ] {
        let (status, size, html) = load(&browser, &path).await;
        assert_eq!(status, expected, "{path}: {html}");
        assert_light(&path, size, &html);
    }
}

#[tokio::test]
async fn the_page_that_an_app_sends_people_to_is_small() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let scopes: Vec<String> = (0..60).map(|n| format!("repo:com.example.thing{n}")).collect();
    let app = OAuthApp::loopback(&pds.world, &format!("atproto {}", scopes.join(" ")));
    let mut browser = Browser::new(&pds);
    sign_in(&mut browser, "alice").await;
    let pushed = app.push(&pds, &[]).await;
    let (status, size, html) = load(&browser, &pushed.page).await;
    assert_eq!(status, 200);
    assert!(html.contains("com.example.thing59"));
    assert_light("/oauth/authorize", size, &html);
}
