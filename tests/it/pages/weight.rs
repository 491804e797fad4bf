//! What a page costs: little on the wire, and no second request before something is seen.

use std::io::Cursor;

use async_compression::tokio::bufread::GzipDecoder;
use cairn_server::web::{self, Who};
use cairn_tests::{ADMIN_PASSWORD, Browser, OAuthApp, TestPds, post};
use reqwest::Method;
use tokio::io::AsyncReadExt;

use super::sign_in;

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

#[tokio::test]
async fn every_page_is_small_and_is_painted_without_a_second_request() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for number in 0..100 {
        alice.create("app.bsky.feed.post", post(&format!("post {number}"))).await.ok();
    }
    for number in 0..20 {
        pds.account(&format!("a-long-handle-{number}")).await;
    }
    let mut browser = Browser::new(&pds);
    sign_in(&mut browser, "alice").await;
    browser.fill("/admin/sign-in", &[("password", ADMIN_PASSWORD)]).await;
    let mut shown = Vec::new();
    for page in web::pages().iter().filter(|page| !page.is_form && page.who != Who::Dev) {
        let did = alice.did.as_str();
        let path = page.path.replace("{account}", did).replace("{did}", did);
        let (status, size, html) = load(&browser, &path).await;
        // Those that ask for more than this lead somewhere else, to a page of the table.
        if status == 200 && html.starts_with("<!doctype html>") {
            assert_light(&path, size, &html);
            shown.push(page.path);
        }
    }
    for known in ["/", "/account/sign-in", "/account/u/{account}", "/admin/accounts"] {
        assert!(shown.contains(&known), "{known} was not looked at: {shown:?}");
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
