//! The apps that are signed in with a password.

use cairn_tests::{PASSWORD, TestPds};
use serde_json::json;

use super::{SIGN_IN, signed_in};

const REFRESH: &str = "com.atproto.server.refreshSession";

#[tokio::test]
async fn people_see_where_they_are_signed_in_and_sign_out_there() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let bob = pds.account("bob").await;
    let named = alice.call("com.atproto.server.createAppPassword", json!({ "name": "Reader" }));
    let named = named.await.ok();
    let reader = alice.sign_in(&pds, named["password"].as_str().unwrap()).await;
    let path = format!("/account/u/{}/sessions", alice.did);

    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&path).await;
    assert!(page.has("App password: Reader"), "{page:?}");
    let ids: Vec<String> = page
        .html
        .split("name=\"session\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2, "{page:?}");

    // The one that was used last stands first.
    let answer = browser.submit(&path, &[("session", &ids[0])]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, path.as_str()), "{answer:?}");
    assert_eq!(reader.refresher().poke(REFRESH).await, (400, "ExpiredToken"));
    alice.refresher().poke(REFRESH).await.ok();

    // Nobody ends the sessions of others.
    let page = browser.get(&path).await;
    assert!(!page.has("App password: Reader"), "{page:?}");
    let mut other = signed_in(&pds, "bob.test").await;
    let own = format!("/account/u/{}/sessions", bob.did);
    other.get(&own).await;
    other.submit(&own, &[("session", &ids[1])]).await;
    let refused = other.submit(&path, &[("all", "1")]).await;
    assert!(refused.location.starts_with(SIGN_IN), "{refused:?}");
    let page = browser.get(&path).await;
    assert!(page.has(&ids[1]), "{page:?}");

    browser.submit(&path, &[("all", "1")]).await;
    assert_eq!(alice.refresher().poke(REFRESH).await, (400, "ExpiredToken"));
    bob.refresher().poke(REFRESH).await.ok();
    assert!(browser.get(&path).await.has("No app is signed in"));
    alice.sign_in(&pds, PASSWORD).await;
}

#[tokio::test]
async fn browsers_are_signed_out_from_another_one() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bob").await);
    let home = format!("/account/u/{}", alice.did);
    let (page, end) = (format!("{home}/sessions"), format!("{home}/sessions/browsers"));
    let mut here = signed_in(&pds, "alice.test").await;
    let mut there = signed_in(&pds, "alice.test").await;
    let mut third = signed_in(&pds, "alice.test").await;
    // Both accounts are in the second browser; one of them stays there.
    super::sign_in(&mut there, "bob.test").await;
    let view = here.get(&page).await;
    assert!(view.has("this browser") && view.has("Mozilla/5.0 (test)"), "{view:?}");
    let ids: Vec<&str> = view.html.split("name=\"browser\" value=\"").skip(1).collect();
    let ids: Vec<&str> = ids.iter().map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), 2, "its own is not among them: {view:?}");

    // Nobody signs others out of theirs.
    let mut other = signed_in(&pds, "bob.test").await;
    let own = format!("/account/u/{}/sessions", bob.did);
    other.get(&own).await;
    for id in &ids {
        other.submit(&format!("{own}/browsers"), &[("browser", id)]).await;
    }
    assert!(other.submit(&end, &[("others", "1")]).await.location.starts_with(SIGN_IN));
    assert_eq!((there.get(&home).await.status, third.get(&home).await.status), (200, 200));

    let mut left = [&mut there, &mut third];
    let view = here.submit(&end, &[("browser", ids[0])]).await;
    assert!(here.follow(&view).await.has("That browser is signed out."));
    let mut states = Vec::new();
    for browser in &mut left {
        states.push(browser.get(&home).await.status);
    }
    states.sort_unstable();
    assert_eq!(states, [200, 303]);
    here.submit(&end, &[("others", "1")]).await;
    for browser in &mut left {
        assert_eq!(browser.get(&home).await.status, 303);
    }
    assert_eq!(here.get(&home).await.status, 200);
    super::sign_in(&mut there, "bob.test").await;
    assert_eq!(there.get(&format!("/account/u/{}", bob.did)).await.status, 200);
}
