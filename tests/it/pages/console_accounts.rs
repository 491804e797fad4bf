//! What the operator does for accounts in the console: names and addresses, and new accounts.

use std::time::Duration;

use cairn_tests::{DirectoryFault, TestAccount, TestPds};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::console::{log, operator};

fn act(account: &TestAccount, name: &str) -> String {
    format!("/admin/accounts/{}/{name}", account.did)
}

async fn described(pds: &TestPds, account: &TestAccount) -> String {
    let params = [("repo", account.did.as_str())];
    let found = pds.anyone.query("com.atproto.repo.describeRepo", &params).await.ok();
    found["handle"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_operator_changes_a_handle() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bobby").await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-handle");
    assert_eq!(browser.get(&path).await.field("handle"), "alice.test");
    for (typed, error) in [
        ("", "A handle is made of letters"),
        ("a b", "A handle is made of letters"),
        ("al", "A handle has at least 3"),
        ("bobby", "Somebody has this handle already"),
        ("Alice", "The account has this handle already"),
        ("alice.example.com", "This domain does not name the account. It must say did:plc:"),
    ] {
        let view = browser.submit(&path, &[("handle", typed)]).await;
        assert!(view.error("handle").starts_with(error), "{typed}: {view:?}");
        assert_eq!(view.field("handle"), typed);
    }
    assert!(log(&mut browser).await.contains("Nothing yet"));

    // Reserved names are the operator's to give.
    for (typed, handle) in [("@Support", "support.test"), ("alice.example.com", "alice.example.com")]
    {
        pds.world.set_handle("alice.example.com", alice.did.as_str());
        let view = browser.fill(&path, &[("handle", typed)]).await;
        let view = browser.follow(&view).await;
        assert!(view.has("The handle is changed.") && view.has(handle), "{view:?}");
        assert_eq!(described(&pds, &alice).await, handle);
        let data = pds.world.plc().get_data(&alice.did).await.unwrap();
        assert_eq!(data.also_known_as, [format!("at://{handle}")]);
    }
    let log = log(&mut browser).await;
    assert_eq!(log.matches("Handle changed").count(), 2);
}

#[tokio::test]
async fn a_handle_is_changed_to_the_end_when_the_operator_leaves() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-handle");
    browser.get(&path).await;
    pds.world.fault_directory(Some(DirectoryFault::Dawdles(Duration::from_secs(3))));
    let asked = browser.submit(&path, &[("handle", "alicia")]);
    timeout(Duration::from_secs(1), asked).await.unwrap_err();
    pds.world.fault_directory(None);
    timeout(Duration::from_secs(20), async {
        while described(&pds, &alice).await != "alicia.test" {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alicia.test"]);
    timeout(Duration::from_secs(5), async {
        while !log(&mut browser).await.contains("Handle changed") {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn nothing_changes_while_the_directory_is_away() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-handle");
    browser.get(&path).await;
    pds.world.stop_directory().await;
    let view = browser.submit(&path, &[("handle", "alicia")]).await;
    assert!(view.status == 422 && view.has("so nothing was changed"), "{view:?}");
    assert!(log(&mut browser).await.contains("Nothing yet"));
}

#[tokio::test]
async fn the_operator_changes_an_address() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bobby").await;
    alice.confirm_email(&pds).await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-email");
    assert_eq!(browser.get(&path).await.field("email"), "alice@mail.test");
    for (typed, error) in [
        ("", "This is not an e-mail address"),
        ("alice", "This is not an e-mail address"),
        ("Alice@mail.test", "The account has this address already"),
        ("bobby@mail.test", "Another account has this address"),
    ] {
        let view = browser.submit(&path, &[("email", typed)]).await;
        assert!(view.error("email").starts_with(error), "{typed}: {view:?}");
    }
    let view = browser.fill(&path, &[("email", " New@Mail.test")]).await;
    let view = browser.follow(&view).await;
    for said in ["The address is changed.", "new@mail.test", "not confirmed"] {
        assert!(view.has(said), "{said}: {view:?}");
    }
    // Whoever has shown to read the address before hears of it.
    pds.letter("alice@mail.test", "Your e-mail address was changed").await;
    let log = log(&mut browser).await;
    assert!(log.contains("E-mail address changed") && !log.contains("new@mail.test"), "{log}");
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(session["email"], json!("new@mail.test"));
    assert_eq!(session["emailConfirmed"], json!(false));
}
