//! Changing the handle.

use std::time::Duration;

use cairn_tests::{DirectoryFault, TestPds};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{SIGN_IN, signed_in};

async fn handle_of(pds: &TestPds, did: &cairn_model::Did) -> String {
    let params = [("repo", did.as_str())];
    let described = pds.anyone.query("com.atproto.repo.describeRepo", &params).await.ok();
    described["handle"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn people_take_another_name_of_the_server() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bobby").await;
    let home = format!("/account/u/{}", alice.did);
    let page = format!("{home}/handle");
    let mut browser = signed_in(&pds, "alice").await;
    let view = browser.get(&page).await;
    assert!(view.has("alice.test") && view.has("others can take it"), "{view:?}");
    for (name, error) in [
        ("", "A handle is made of letters"),
        ("a b", "A handle is made of letters"),
        ("al", "A handle has at least 3"),
        ("abcdefghijklmnopqrs", "A handle has at most 18"),
        ("admin", "This handle is not given out"),
        ("f-a-g", "This handle is not given out"),
        ("bobby", "Somebody has this handle already"),
        ("alice", "This is your handle already"),
    ] {
        let view = browser.submit(&page, &[("handle", name), ("domain", ".test")]).await;
        assert!(view.error("handle").starts_with(error), "{name}: {view:?}");
        // The same is said while it is typed, and by the button for browsers without scripts.
        let said = browser.get(&format!("{page}/check?handle={name}&domain=.test")).await;
        assert!(said.status == 200 && said.has(error), "{name}: {said:?}");
        browser.get(&page).await;
    }
    let view = browser.submit(&page, &[("handle", "alicia"), ("check", "1")]).await;
    assert!(view.status == 200 && view.has("alicia.test is free."), "{view:?}");
    assert_eq!(handle_of(&pds, &alice.did).await, "alice.test");

    let view = browser.submit(&page, &[("handle", "@Alicia.test"), ("domain", ".test")]).await;
    assert_eq!(view.location, home, "{view:?}");
    let view = browser.follow(&view).await;
    assert!(view.has("Your handle is changed.") && view.has("alicia.test"), "{view:?}");
    assert_eq!(handle_of(&pds, &alice.did).await, "alicia.test");
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alicia.test"]);
}

#[tokio::test]
async fn nothing_changes_while_the_directory_is_away() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let page = format!("/account/u/{}/handle", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&page).await;
    pds.world.stop_directory().await;
    let view = browser.submit(&page, &[("handle", "alicia"), ("domain", ".test")]).await;
    assert!(view.status == 422 && view.has("so nothing was changed"), "{view:?}");
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(session["handle"], "alice.test");
}

/// Otherwise the directory names a handle that the server does not know.
#[tokio::test]
async fn a_handle_is_changed_to_the_end_when_its_owner_leaves() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let page = format!("/account/u/{}/handle", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&page).await;
    pds.world.fault_directory(Some(DirectoryFault::Dawdles(Duration::from_secs(3))));
    let asked = browser.submit(&page, &[("handle", "alicia"), ("domain", ".test")]);
    assert!(timeout(Duration::from_secs(2), asked).await.is_err());
    let is_changed = async {
        while handle_of(&pds, &alice.did).await != "alicia.test" {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), is_changed).await.expect("the handle is changed");
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alicia.test"]);
}

#[tokio::test]
async fn a_domain_of_ones_own_is_shown_to_be_ones_own() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    let home = format!("/account/u/{}", alice.did);
    let page = format!("{home}/handle/domain");
    let mut browser = signed_in(&pds, "alice").await;
    browser.get(&page).await;
    for (domain, error) in [
        ("", "This is not a domain"),
        ("no domain", "This is not a domain"),
        ("alice.local", "A handle is made of letters"),
        ("carla.test", "This is a name of this server"),
        ("alice.f4ggot.org", "This handle is not given out"),
    ] {
        let view = browser.get(&format!("{page}?domain={}", domain.replace(' ', "+"))).await;
        assert!(view.error("domain").starts_with(error), "{domain}: {view:?}");
        let view = browser.submit(&page, &[("domain", domain)]).await;
        assert!(view.error("domain").starts_with(error), "{domain}: {view:?}");
    }

    let asked = format!("{page}?domain=https://Alice.example.org/");
    let view = browser.get(&asked).await;
    for said in [
        "_atproto.alice.example.org",
        &format!("did={}", alice.did),
        "https://alice.example.org/.well-known/atproto-did",
        "not found yet",
    ] {
        assert!(view.has(said), "{said}: {view:?}");
    }
    let used = [("domain", "alice.example.org")];
    let view = browser.submit(&page, &used).await;
    assert!(view.status == 422 && view.has("does not name your account yet"), "{view:?}");

    let check = format!("{page}/check?domain=alice.example.org");
    pds.world.set_handle_file("alice.example.org", alice.did.as_str());
    assert!(browser.get(&check).await.has("The domain names your account."));
    // A record outweighs the file.
    pds.world.set_handle("alice.example.org", bob.did.as_str());
    let view = browser.get(&check).await;
    assert!(view.has(&format!("names another account: {}", bob.did)), "{view:?}");
    assert!(!view.has("The domain names your account."), "{view:?}");
    browser.get(&asked).await;
    assert_eq!(browser.submit(&page, &used).await.status, 422);
    pds.world.set_handle("alice.example.org", alice.did.as_str());
    let view = browser.submit(&page, &used).await;
    assert_eq!(view.location, home, "{view:?}");
    assert_eq!(handle_of(&pds, &alice.did).await, "alice.example.org");

    // It is hers now.
    let mut other = signed_in(&pds, "bobby").await;
    let view =
        other.get(&format!("/account/u/{}/handle/domain?domain=alice.example.org", bob.did)).await;
    assert!(view.error("domain").starts_with("Somebody has this handle"), "{view:?}");
    assert!(other.get(&check).await.location.starts_with(SIGN_IN));
}

#[tokio::test]
async fn looking_at_domains_is_limited() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = true).await;
    let alice = pds.account("alice").await;
    let check = format!("/account/u/{}/handle/domain/check?domain=alice.example.org", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    for _ in 0..60 {
        assert_eq!(browser.get(&check).await.status, 200);
    }
    assert_eq!(browser.get(&check).await.status, 429);
    let input = json!({ "handle": "alicia.test" });
    alice.call("com.atproto.identity.updateHandle", input).await.ok();
}
