//! An account moves in from another server, led by the pages.

use std::time::Duration;

use cairn_server::config::SignUp;
use cairn_tests::{Browser, DirectoryFault, PASSWORD, TestAccount, TestPds, View, World, post};
use serde_json::json;

use super::signed_in;
use crate::did_web::Owner;
use crate::migration::two_servers;

pub const NEW_PASSWORD: &str = "another correct horse";

/// An account with posts, files and a preference.
async fn furnished(old: &TestPds) -> TestAccount {
    let alice = old.account("alice").await;
    for n in 0..30 {
        alice.post(&format!("post {n}")).await;
    }
    for n in 0..5 {
        let blob = alice.blob("text/plain", format!("file {n}")).await;
        alice.create("com.example.file", json!({ "file": blob })).await.ok();
    }
    let preferences = json!({ "preferences": [{ "$type": "app.bsky.actor.defs#adultContentPref", "enabled": true }] });
    alice.call("app.bsky.actor.putPreferences", preferences).await.ok();
    alice
}

pub async fn set_out(browser: &mut Browser, alice: &TestAccount, more: &[(&str, &str)]) -> View {
    let fields = [
        ("from", alice.did.as_str()),
        ("old_password", PASSWORD),
        ("handle", "alice.new.test"),
        ("password", NEW_PASSWORD),
    ];
    let fields: Vec<_> = fields
        .into_iter()
        .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
        .collect();
    browser.fill("/account/move-in", &[&fields, more].concat()).await
}

/// Looks at a page until the server has stopped working on what it shows.
pub async fn settled(browser: &mut Browser, path: &str) -> View {
    for _ in 0..200 {
        let view = browser.get(path).await;
        assert_eq!(view.status, 200, "{view:?}");
        if !view.has("http-equiv=\"refresh\"") {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the move does not settle");
}

/// Has the old server mail its code, repeats it, and looks until the move is over.
async fn come_home(browser: &mut Browser, path: &str, old: &TestPds) {
    browser.submit(path, &[("act", "code")]).await;
    let code = old.mailed_code("alice@mail.test");
    browser.submit(path, &[("act", "confirm"), ("code", &code)]).await;
    let view = settled(browser, path).await;
    assert!(view.has("you live here now"), "{view:?}");
}

/// Looks until so many apps are signed in with the password.
async fn sessions_become(pds: &TestPds, alice: &TestAccount, count: usize) {
    let mut browser = signed_in(pds, alice.did.as_str()).await;
    let path = format!("/account/u/{}/sessions", alice.did);
    let looking = async {
        while browser.get(&path).await.html.matches("name=\"session\" value=").count() != count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("sessions end");
}

fn path_of(alice: &TestAccount) -> String {
    format!("/account/u/{}/data/move-in", alice.did)
}

#[tokio::test]
async fn an_account_moves_in_with_everything() {
    let (old, new) = two_servers().await;
    let alice = furnished(&old).await;
    let left = alice.repo().await;
    let mut follower = new.follower().await;
    let mut firehose = new.firehose().await;
    let mut browser = Browser::new(&new);
    let view = set_out(&mut browser, &alice, &[]).await;
    let path = path_of(&alice);
    assert_eq!((view.status, view.location.as_str()), (303, path.as_str()), "{view:?}");

    let view = settled(&mut browser, &path).await;
    assert!(view.has("35 records, 5 of 5 files") && view.has("name=\"code\""), "{view:?}");
    assert!(view.has("aria-label=\"Step 4 of 5\""), "{view:?}");
    // So far nothing has happened that others see.
    alice.post("still there").await;
    let view = browser.submit(&path, &[("act", "confirm"), ("code", "")]).await;
    assert!(view.error("code").starts_with("Type the code"), "{view:?}");
    browser.submit(&path, &[("act", "confirm"), ("code", "AAAAA-BBBBB")]).await;
    let view = browser.get(&path).await;
    assert!(view.has("The old server refused"), "{view:?}");
    come_home(&mut browser, &path, &old).await;

    let input = json!({ "identifier": "alice.new.test", "password": NEW_PASSWORD });
    let there = new.anyone.call("com.atproto.server.createSession", input).await.ok();
    let there = TestAccount::from_session(&new, &there);
    assert_eq!(there.repo().await.records, left.records);
    let preferences = there.query("app.bsky.actor.getPreferences", &[]).await.ok();
    assert_eq!(preferences["preferences"][0]["enabled"], true);
    let status = there.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
    assert_eq!((&status["activated"], &status["validDid"]), (&json!(true), &json!(true)));
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!((&session["active"], &session["status"]), (&json!(false), &json!("deactivated")));
    there.create("app.bsky.feed.post", post("from here")).await.ok();
    follower.until(&there.did, &there.head().await.rev).await;
    follower.assert_level_with(&there.did, &there.repo().await);
    // The status at this server changes once, and nobody hears that a living account is asleep.
    let identity = "identity alice.new.test";
    assert_eq!(firehose.names(5).await, [identity, "account active", identity, "sync", "commit"]);
    sessions_become(&old, &alice, 1).await;
    // The old server's key has no power any more.
    let data = new.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.rotation_keys, [new.rotation_key().did_key().to_string()]);
    assert_eq!(data.also_known_as, ["at://alice.new.test"]);
}

#[tokio::test]
async fn a_move_survives_restarts_of_both_servers_and_its_errors_are_said() {
    let (mut old, mut new) = two_servers().await;
    let alice = furnished(&old).await;
    let path = path_of(&alice);
    let mut browser = Browser::new(&new);
    let view = set_out(&mut browser, &alice, &[]).await;
    assert_eq!(view.location, path, "{view:?}");
    new.restart().await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("35 records, 5 of 5 files"), "{view:?}");

    old.stop().await;
    let view = browser.submit(&path, &[("act", "code")]).await;
    let view = browser.follow(&view).await;
    assert!(view.has("The old server does not answer"), "{view:?}");
    old.start_again().await;
    browser.submit(&path, &[("act", "code")]).await;

    // A day later the session there is gone; the owner signs in once more, and the move goes on where it was.
    new.world.clock().advance(Duration::from_secs(25 * 3_600));
    new.restart().await;
    let mut browser = Browser::new(&new);
    let fields = [("username", "alice.new.test"), ("password", NEW_PASSWORD), ("remember", "1")];
    browser.fill("/account/sign-in", &fields).await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("name=\"old_password\""), "{view:?}");
    let view = browser.submit(&path, &[("act", "sign-in"), ("old_password", "wrong")]).await;
    assert!(view.error("old_password").contains("does not accept"), "{view:?}");
    let view = browser.submit(&path, &[("act", "sign-in"), ("old_password", PASSWORD)]).await;
    assert_eq!(view.location, path, "{view:?}");
    browser.get(&path).await;
    come_home(&mut browser, &path, &old).await;
}

/// No old server signs for them: their owners say on a host of their own where they live.
#[tokio::test]
async fn a_did_web_moves_in_when_its_document_says_so() {
    let (old, new) = two_servers().await;
    let owner = Owner::new().await;
    let alice = owner.arrive(&old).await;
    let recommended =
        alice.query("com.atproto.identity.getRecommendedDidCredentials", &[]).await.ok();
    let key = recommended["verificationMethods"]["atproto"].as_str().unwrap();
    owner.publish(key, old.url(), &["at://alice.test"]);
    alice.poke("com.atproto.server.activateAccount").await.ok();
    alice.post("from there").await;
    let left = alice.repo().await;

    let mut browser = Browser::new(&new);
    let view = set_out(&mut browser, &alice, &[]).await;
    assert_eq!(view.status, 303, "{view:?}");
    let path = view.location;
    let view = settled(&mut browser, &path).await;
    assert!(view.has(new.url()) && !view.has("name=\"code\""), "{view:?}");
    let (_, key) = view.html.split_once("id=\"did-key\"").unwrap();
    let key = &key[key.find("did:key:").unwrap()..key.find('<').unwrap()];
    browser.submit(&path, &[("act", "confirm")]).await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("does not say so yet"), "{view:?}");
    owner.publish(key, new.url(), &["at://alice.new.test"]);
    browser.submit(&path, &[("act", "confirm")]).await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("you live here now"), "{view:?}");
    let input = json!({ "identifier": alice.did, "password": NEW_PASSWORD });
    let there = new.anyone.call("com.atproto.server.createSession", input).await.ok();
    let there = TestAccount::from_session(&new, &there);
    assert_eq!(there.repo().await.records, left.records);
    there.post("from here").await;
}

/// The operator lets people in first, and then they come.
#[tokio::test]
async fn who_waited_for_an_approval_moves_in_after_it() {
    let world = World::start().await;
    let old = world.pds().await;
    let new = world.pds_with(|config| {
        config.handle_domains = vec![".new.test".to_owned()];
        config.sign_up = SignUp::Approval;
    });
    let new = new.await;
    let alice = furnished(&old).await;
    let path = path_of(&alice);
    let mut browser = Browser::new(&new);
    let view = set_out(&mut browser, &alice, &[]).await;
    assert_eq!(view.location, "/account/sign-up/waiting", "{view:?}");
    // No session is kept there for as long as the operator takes.
    sessions_become(&old, &alice, 1).await;
    let did = json!({ "did": alice.did });
    new.admin().post("/admin/api/sign-ups/approve", did).await.ok();

    let mut browser = Browser::new(&new);
    let fields = [("username", "alice.new.test"), ("password", NEW_PASSWORD)];
    browser.fill("/account/sign-in", &fields).await;
    let view = browser.get(&path).await;
    assert!(view.has("name=\"old_password\""), "{view:?}");
    let fields = [("act", "sign-in"), ("old_password", PASSWORD)];
    let view = browser.submit(&path, &fields).await;
    assert_eq!(view.location, path, "{view:?}");
    let view = settled(&mut browser, &path).await;
    assert!(view.has("35 records, 5 of 5 files"), "{view:?}");
    come_home(&mut browser, &path, &old).await;
}

/// The directory takes the operation, and nobody here hears of it.
#[tokio::test]
async fn an_account_whose_identity_is_here_does_not_go_by_itself() {
    let (old, mut new) = two_servers().await;
    let alice = furnished(&old).await;
    let path = path_of(&alice);
    let mut browser = Browser::new(&new);
    set_out(&mut browser, &alice, &[]).await;
    settled(&mut browser, &path).await;
    browser.submit(&path, &[("act", "code")]).await;
    let code = old.mailed_code("alice@mail.test");
    new.world.fault_directory(Some(DirectoryFault::FallsAfterNext));
    browser.submit(&path, &[("act", "confirm"), ("code", &code)]).await;
    new.world.fault_directory(None);
    new.world.clock().advance(Duration::from_secs(31 * 24 * 3_600));
    new.restart().await;

    let mut browser = Browser::new(&new);
    let fields = [("username", "alice.new.test"), ("password", NEW_PASSWORD), ("remember", "1")];
    browser.fill("/account/sign-in", &fields).await;
    let view = browser.get(&path).await;
    assert!(view.has("name=\"code\"") || view.has("name=\"old_password\""), "{view:?}");
    browser.submit(&path, &[("act", "confirm"), ("code", "AAAAA-BBBBB")]).await;
    settled(&mut browser, &path).await;
    let input = json!({ "identifier": alice.did, "password": NEW_PASSWORD });
    let session = new.anyone.call("com.atproto.server.createSession", input).await.ok();
    assert_eq!(session["active"], true, "{session}");
}

#[tokio::test]
async fn the_old_server_leads_the_way_out_and_sees_when_it_is_over() {
    let (old, new) = two_servers().await;
    let alice = furnished(&old).await;
    let out = format!("/account/u/{}/data/move-out", alice.did);
    let mut at_old = signed_in(&old, "alice.test").await;
    let view = at_old.get(&out).await;
    assert!(
        view.has("1. Keep a copy") && view.has("35 records") && view.has("5 files"),
        "{view:?}"
    );
    let mut at_new = Browser::new(&new);
    set_out(&mut at_new, &alice, &[]).await;
    let path = path_of(&alice);
    settled(&mut at_new, &path).await;

    // A code that was asked for here is good there.
    let view = at_old.submit(&out, &[]).await;
    assert_eq!(view.location, out, "{view:?}");
    let code = old.mailed_code("alice@mail.test");
    at_new.get(&path).await;
    at_new.submit(&path, &[("act", "confirm"), ("code", &code)]).await;
    let view = settled(&mut at_new, &path).await;
    assert!(view.has("you live here now"), "{view:?}");
    let view = at_old.get(&out).await;
    assert!(view.has("You have moved") && view.has(new.url()), "{view:?}");
    assert!(view.has("The copy here is deactivated"), "{view:?}");
    // What stayed behind does not come alive again.
    at_old.get(&format!("/account/u/{}/data/deactivate", alice.did)).await;
    let view = at_old.submit(&format!("/account/u/{}/data/activate", alice.did), &[]).await;
    assert!(view.status == 422 && view.has("names another server"), "{view:?}");
}

#[tokio::test]
async fn what_is_written_here_is_not_overwritten_by_the_old_copy() {
    let (old, mut new) = two_servers().await;
    new.config.import_limit = Some(1_000);
    new.restart().await;
    let alice = furnished(&old).await;
    let path = path_of(&alice);
    let mut browser = Browser::new(&new);
    set_out(&mut browser, &alice, &[]).await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("more in one piece"), "{view:?}");
    new.config.import_limit = None;
    new.restart().await;

    // The move stands at its first step, and its owner ends it with another program.
    let input = json!({ "identifier": alice.did, "password": NEW_PASSWORD });
    let there = new.anyone.call("com.atproto.server.createSession", input).await.ok();
    let there = TestAccount::from_session(&new, &there);
    let car = alice.car().await;
    there.upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", car).await.ok();
    alice.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    let credentials = "com.atproto.identity.getRecommendedDidCredentials";
    let mut input = there.query(credentials, &[]).await.ok();
    input["token"] = json!(old.mailed_code("alice@mail.test"));
    let signed = alice.call("com.atproto.identity.signPlcOperation", input).await.ok();
    let input = json!({ "operation": signed["operation"] });
    there.call("com.atproto.identity.submitPlcOperation", input).await.ok();
    there.poke("com.atproto.server.activateAccount").await.ok();
    there.post("written here").await;
    let written = there.repo().await.records;
    assert_eq!(written.len(), 36);

    browser.submit(&path, &[("act", "again")]).await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("you live here now"), "{view:?}");
    assert_eq!(there.repo().await.records, written);
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(session["active"], false, "the old copy is not left looking alive");
}

#[tokio::test]
async fn a_file_that_the_old_server_has_lost_keeps_nobody() {
    let (old, new) = two_servers().await;
    let alice = furnished(&old).await;
    let lost = alice.query("com.atproto.sync.listBlobs", &[("did", alice.did.as_str())]).await.ok();
    let takedown = json!({
        "subject": {
            "$type": "com.atproto.admin.defs#repoBlobRef", "did": alice.did, "cid": lost["cids"][0],
        },
        "takedown": { "applied": true },
    });
    old.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    let mut browser = Browser::new(&new);
    set_out(&mut browser, &alice, &[]).await;
    let path = path_of(&alice);
    let view = settled(&mut browser, &path).await;
    assert!(view.has("does not have one of your files") && view.has("4 of 5 files"), "{view:?}");
    browser.submit(&path, &[("act", "again")]).await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("does not have one of your files"), "{view:?}");
    browser.submit(&path, &[("act", "skip")]).await;
    let view = settled(&mut browser, &path).await;
    assert!(view.has("name=\"code\""), "{view:?}");
}

#[tokio::test]
async fn who_cannot_come_is_told_why() {
    let (old, new) = two_servers().await;
    let alice = old.account("alice").await;
    let here = new.account_named("bobby.new.test").await;
    let mut browser = Browser::new(&new);
    for (field, value, at, said) in [
        ("old_password", "wrong", "old_password", "The old server does not accept"),
        ("old_password", "", "old_password", "Type the password"),
        ("from", "no name at all", "from", "Type the handle"),
        ("from", "nobody.example", "from", "Nobody has this name"),
        ("from", here.did.as_str(), "from", "This account lives here"),
        ("handle", "bobby.new.test", "handle", "Somebody has this handle already"),
        ("handle", "alice.elsewhere.example", "handle", "This handle cannot be had here"),
        ("password", "short", "password", "A password has at least"),
    ] {
        let view = set_out(&mut browser, &alice, &[(field, value)]).await;
        assert!(view.error(at).starts_with(said), "{field} {value}: {}", view.error(at));
        assert!(!view.has(PASSWORD) && !view.has(NEW_PASSWORD), "passwords do not come back");
    }
    // Whoever is not taken leaves no session behind there.
    sessions_become(&old, &alice, 1).await;
    // One who has come already signs in instead.
    set_out(&mut browser, &alice, &[]).await;
    let mut other = Browser::new(&new);
    let view = set_out(&mut other, &alice, &[("handle", "alicia.new.test")]).await;
    assert!(view.error("from").starts_with("There is an account with this identity"), "{view:?}");
    settled(&mut browser, &path_of(&alice)).await;
}

#[tokio::test]
async fn an_app_password_is_told_apart_before_anything_begins() {
    let (old, new) = two_servers().await;
    let alice = old.account("alice").await;
    let mut browser = Browser::new(&new);
    for (name, privileged) in [("everyday", false), ("with messages", true)] {
        let input = json!({ "name": name, "privileged": privileged });
        let made = alice.call("com.atproto.server.createAppPassword", input).await.ok();
        let password = made["password"].as_str().expect("an app password");
        let view = set_out(&mut browser, &alice, &[("old_password", password)]).await;
        let said = view.error("old_password");
        assert!(said.starts_with("This is an app password"), "{name}: {said} {view:?}");
    }
    sessions_become(&old, &alice, 1).await;
    let params = [("did", alice.did.as_str())];
    let nobody = new.anyone.query("com.atproto.sync.getRepoStatus", &params).await;
    assert_eq!(nobody.error(), (400, "RepoNotFound".to_owned()));
}

#[tokio::test]
async fn whom_the_old_server_has_taken_down_is_told_so() {
    let (old, new) = two_servers().await;
    let alice = old.account("alice").await;
    let takedown = json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": alice.did },
        "takedown": { "applied": true },
    });
    old.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    let mut browser = Browser::new(&new);
    let view = set_out(&mut browser, &alice, &[]).await;
    let said = view.error("from");
    assert!(said.starts_with("The old server has taken this account down"), "{said} {view:?}");
}
