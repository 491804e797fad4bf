//! Who may open and answer a request, and how the answer travels.

use cairn_tests::{Browser, OAuthApp, TestPds, World};
use reqwest::Method;
use serde_json::json;

use super::{MINUTE, REQUEST, decide, signed_in};

#[tokio::test]
async fn a_request_belongs_to_the_browser_that_opens_it() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut attacker = signed_in(&pds, &["bob"]).await;
    let mut victim = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &[]).await;
    attacker.get(&pushed.page).await;
    for path in [pushed.page.clone(), format!("{REQUEST}?request_uri={}", pushed.request_uri)] {
        let view = victim.get(&path).await;
        assert!(view.status == 400 && view.has("belongs to another browser"), "{view:?}");
        assert_eq!(view.location, "");
    }
    // Not by its form either.
    let fields = [
        ("request_uri", pushed.request_uri.as_str()),
        ("account", alice.did.as_str()),
        ("decision", "allow"),
    ];
    assert_eq!(victim.submit(REQUEST, &fields).await.status, 400);
    // And nobody answers for an account that is not theirs.
    let view = attacker.submit(REQUEST, &fields).await;
    assert!(view.location.starts_with(REQUEST), "{view:?}");
    // A form without the page's token is nobody's.
    let request = attacker
        .request(Method::POST, REQUEST)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(format!("request_uri={}&decision=deny", pushed.request_uri));
    assert_eq!(request.send().await.unwrap().status(), 403);
    assert!(attacker.get(&pushed.page).await.has("value=\"allow\""));
}

#[tokio::test]
async fn a_request_waits_five_minutes() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    let late = app.push(&pds, &[]).await;
    let pushed = app.push(&pds, &[]).await;
    // A visit gives it five more.
    for _ in 0..3 {
        pds.world.clock().advance(4 * MINUTE);
        assert_eq!(browser.get(&pushed.page).await.status, 200);
    }
    let view = browser.get(&late.page).await;
    assert!(view.status == 400 && view.has("This request is over"), "{view:?}");
    let page = browser.get(&pushed.page).await;
    pds.world.clock().advance(6 * MINUTE);
    let view = decide(&mut browser, &page, "allow", &[]).await;
    assert!(view.status == 400 && view.has("This request is over"), "{view:?}");
}

#[tokio::test]
async fn broken_links_lead_nowhere() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    let uri = app.push(&pds, &[]).await.request_uri;
    let unknown = uri.replace("req-", "req-A");
    for path in [
        "/oauth/authorize".to_owned(),
        format!("/oauth/authorize?request_uri={uri}"),
        "/oauth/authorize?client_id=http%3A%2F%2Flocalhost&redirect_uri=https%3A%2F%2Fevil.example%2F&response_type=code&scope=atproto&state=s".to_owned(),
        format!("/oauth/authorize?client_id=http%3A%2F%2Flocalhost&request_uri={uri}"),
        format!("{REQUEST}?request_uri={unknown}"),
        format!("{REQUEST}?request_uri=urn%3Ax"),
        REQUEST.to_owned(),
    ] {
        let view = browser.get(&path).await;
        assert_eq!((view.status, view.location.as_str()), (400, ""), "{path}");
        assert!(!view.has("https://evil.example"), "{path}");
    }
}

#[tokio::test]
async fn only_a_person_opens_the_page() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let browser = signed_in(&pds, &["alice"]).await;
    let page = app.push(&pds, &[]).await.page;
    let status = async |headers: &[(&str, &str)]| {
        let request = browser.request(Method::GET, &page);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap().status().as_u16()
    };
    let (mode, dest) = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"));
    assert_eq!(status(&[mode, ("sec-fetch-dest", "iframe")]).await, 403);
    assert_eq!(status(&[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")]).await, 403);
    assert_eq!(status(&[mode, dest, ("sec-purpose", "prefetch")]).await, 403);
    for site in ["none", "same-origin", "same-site", "cross-site"] {
        assert_eq!(status(&[mode, dest, ("sec-fetch-site", site)]).await, 200, "{site}");
    }
}

#[tokio::test]
async fn the_answer_travels_as_the_app_wants() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::hosted(&pds.world, "atproto", json!({})).await;
    let mut browser = signed_in(&pds, &["alice"]).await;
    for (mode, mark) in [("query", '?'), ("fragment", '#')] {
        let pushed = app.push(&pds, &[("response_mode", mode)]).await;
        let page = browser.get(&pushed.page).await;
        let view = decide(&mut browser, &page, "allow", &[]).await;
        assert!(view.location.starts_with(&format!("{}{mark}", app.redirect_uri)), "{view:?}");
        app.code(&pds, &view);
    }
    let pushed = app.push(&pds, &[("response_mode", "form_post")]).await;
    let page = browser.get(&pushed.page).await;
    let view = decide(&mut browser, &page, "allow", &[]).await;
    assert_eq!(view.status, 200);
    assert!(view.has(&format!("action=\"{}\"", app.redirect_uri)), "{view:?}");
    assert_eq!(
        (view.field("iss").as_str(), view.field("state").as_str()),
        (pds.url(), "a state & more")
    );
    let answer = app.exchange(&pds, &pushed, &view.field("code")).await;
    assert!(answer.text("access_token").starts_with("tok-"));
}

/// A server whose operator vouches for an app, so that it may ask for an answer without a page.
async fn with_trusted_app() -> (TestPds, OAuthApp) {
    let world = World::start().await;
    let app = OAuthApp::hosted(&world, "atproto", json!({})).await;
    let trusted = app.client_id.clone();
    let pds = world.pds_with(move |config| config.oauth_trusted_clients = vec![trusted]).await;
    pds.account("alice").await;
    (pds, app)
}

#[tokio::test]
async fn a_refusal_travels_as_the_app_wants() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::confidential(&pds.world, "atproto").await;
    let mut browser = signed_in(&pds, &["alice"]).await;
    // Said by the person on the page, and by the server without one.
    for (more, error) in
        [(&[][..], "access_denied"), (&[("prompt", "none")][..], "consent_required")]
    {
        for mode in ["query", "fragment", "form_post"] {
            let params: Vec<_> = more.iter().copied().chain([("response_mode", mode)]).collect();
            let pushed = app.push(&pds, &params).await;
            let mut view = browser.get(&pushed.page).await;
            if more.is_empty() {
                view = decide(&mut browser, &view, "deny", &[]).await;
            }
            let mark = match mode {
                "query" => '?',
                "fragment" => '#',
                _ => {
                    assert_eq!((view.status, view.location.as_str()), (200, ""), "{view:?}");
                    assert!(view.has(&format!("action=\"{}\"", app.redirect_uri)), "{view:?}");
                    assert!(!view.has("name=\"code\""), "{view:?}");
                    let field = |name: &str| view.field(name);
                    let told = ["iss", "state", "error"].map(field);
                    assert_eq!(told, [pds.url(), "a state & more", error]);
                    assert!(!field("error_description").is_empty());
                    continue;
                }
            };
            assert!(view.location.starts_with(&format!("{}{mark}", app.redirect_uri)), "{view:?}");
            assert_eq!(app.refusal(&pds, &view), error, "{mode}");
            // It was answered.
            assert_eq!(browser.get(&pushed.page).await.status, 400, "{mode}");
        }
    }
}

#[tokio::test]
async fn what_only_looks_behind_a_link_takes_nothing_from_the_person() {
    let (pds, app) = with_trusted_app().await;
    let mut browser = signed_in(&pds, &["alice"]).await;
    for more in [&[][..], &[("prompt", "none")]] {
        let pushed = app.push(&pds, more).await;
        let head = browser.request(Method::HEAD, &pushed.page).send().await.unwrap();
        assert_eq!(head.status(), 403);
        // A program without cookies is sent here once more, and no further.
        let stranger = Browser::new(&pds);
        let first = stranger.request(Method::GET, &pushed.page).send().await.unwrap();
        assert_eq!(first.status(), 303);
        let again = first.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(again, format!("{}&cookie_sent=1", pushed.page));
        let second = stranger.request(Method::GET, &again).send().await.unwrap();
        assert_eq!(second.status(), 403);
        assert!(second.text().await.unwrap().contains("keeps no cookies"));
        let view = browser.get(&pushed.page).await;
        if more.is_empty() {
            assert!(view.status == 200 && view.has("value=\"allow\""), "{view:?}");
        } else {
            assert_eq!(app.refusal(&pds, &view), "consent_required");
        }
    }
}

/// Browsers hold the redirects after a form against the policy of its page, and where an app sends people on to is nothing
/// that the server knows.
#[tokio::test]
async fn a_form_ends_on_a_page_that_goes_on_to_the_app() {
    let (pds, app) = with_trusted_app().await;
    let mut browser = signed_in(&pds, &["alice"]).await;
    let policy = |response: &reqwest::Response| {
        response.headers()["content-security-policy"].to_str().unwrap().to_owned()
    };
    let pushed = app.push(&pds, &[]).await;
    let response = browser.request(Method::GET, &pushed.page).send().await.unwrap();
    let held = policy(&response);
    assert!(held.ends_with("; form-action 'self'"), "{held}");
    assert!(held.contains("frame-ancestors 'none'"), "{held}");
    let page = browser.get(&pushed.page).await;
    let view = decide(&mut browser, &page, "allow", &[]).await;
    assert!(view.status == 200 && view.has(&format!("href=\"{}?", app.redirect_uri)), "{view:?}");
    app.code(&pds, &view);

    let pushed = app.push(&pds, &[("response_mode", "form_post"), ("prompt", "none")]).await;
    let response = browser.request(Method::GET, &pushed.page).send().await.unwrap();
    let held = policy(&response);
    assert!(response.status() == 200 && !held.contains("form-action"), "{held}");
}
