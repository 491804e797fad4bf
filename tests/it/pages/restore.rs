//! An account is filled from a file that its owner has kept.

use std::convert::Infallible;
use std::time::Duration;

use cairn_tests::{Browser, TestAccount, TestPds, World};
use futures_util::{StreamExt, stream};
use reqwest::{Body, Method};
use serde_json::json;
use tokio::time::timeout;

use super::data::{download, furnished};
use super::signed_in;
use crate::migration::{point_there, two_servers};

struct Moved {
    old: TestPds,
    new: TestPds,
    /// At the old server, where everything is.
    alice: TestAccount,
    /// At the new one, where nothing is yet.
    there: TestAccount,
    /// Signed in at the new one.
    browser: Browser,
    path: String,
}

async fn moved() -> Moved {
    let (old, new) = two_servers().await;
    let alice = furnished(&old).await;
    let there = alice.arrive_at(&new, "alice.new.test").await;
    let browser = signed_in(&new, "alice.new.test").await;
    let path = format!("/account/u/{}/data/restore", alice.did);
    Moved { old, new, alice, there, browser, path }
}

async fn archive(pds: &TestPds, of: &TestAccount) -> Vec<u8> {
    let browser = signed_in(pds, of.did.as_str()).await;
    download(&browser, &format!("/account/u/{}/data/archive.tar", of.did)).await.1
}

/// How many there are; the DID document does not name the key yet that the repository is signed with.
async fn records(of: &TestAccount) -> u64 {
    let status = of.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
    status["indexedRecords"].as_u64().unwrap()
}

#[tokio::test]
async fn an_archive_brings_everything_back() {
    let Moved { old, new, alice, there, mut browser, path } = moved().await;
    let left = alice.repo().await;
    let archive = archive(&old, &alice).await;
    let view = browser.get(&format!("/account/u/{}/data", alice.did)).await;
    assert!(view.has("Restore from a file"), "{view:?}");
    let view = browser.get(&path).await;
    assert!(view.has("0 records, 0 of 0 files") && view.has("type=\"file\""), "{view:?}");
    for _ in 0..2 {
        let view = browser.send_file(&path, "alice.tar", &archive).await;
        assert_eq!((view.status, view.location.as_str()), (303, path.as_str()), "{view:?}");
        let view = browser.follow(&view).await;
        assert!(view.has("What was in the file is here."), "{view:?}");
        assert!(view.has("22 records, 2 of 2 files"), "{view:?}");
    }
    assert_eq!(records(&there).await, 22);
    let preferences = there.query("app.bsky.actor.getPreferences", &[]).await.ok();
    assert_eq!(preferences["preferences"][0]["enabled"], true);
    let status = there.query("com.atproto.server.checkAccountStatus", &[]).await.ok();
    assert_eq!((&status["expectedBlobs"], &status["importedBlobs"]), (&json!(2), &json!(2)));
    point_there(&alice, &old, &there).await;
    there.poke("com.atproto.server.activateAccount").await.ok();
    assert_eq!(there.repo().await.records, left.records);
    let browser = signed_in(&new, "alice.new.test").await;
    let blobs = browser.clone().get(&format!("/account/u/{}/data/blobs", alice.did)).await;
    assert!(blobs.has("text/plain") && blobs.has("image/png"), "{blobs:?}");
}

#[tokio::test]
async fn records_alone_are_a_car() {
    let Moved { old: _old, new: _new, alice, there, mut browser, path } = moved().await;
    browser.get(&path).await;
    let view = browser.send_file(&path, "repo.car", &alice.car().await).await;
    assert_eq!(view.status, 303, "{view:?}");
    assert!(browser.follow(&view).await.has("22 records, 0 of 2 files"));
    assert_eq!(records(&there).await, 22);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing_and_is_told_apart() {
    let Moved { old, new: _new, alice, there, mut browser, path } = moved().await;
    let bob = old.account("bob").await;
    let (whole, bobs) = (archive(&old, &alice).await, archive(&old, &bob).await);
    let car = alice.car().await;
    let mut wrong_sum = whole.clone();
    wrong_sum[150] ^= 1;
    let mut broken_car = car.to_vec();
    let middle = broken_car.len() / 2;
    broken_car[middle] ^= 1;
    browser.get(&path).await;
    for (what, file, said) in [
        ("nothing", &b""[..], "This is neither a tar file"),
        ("noise", &[7; 5_000], "The file was not taken"),
        ("another's archive", &bobs, "This file is of another account"),
        ("another's CAR", &bob.car().await, "The file was not taken"),
        ("a wrong sum", &wrong_sum, "This is neither a tar file"),
        ("half a header", &whole[..300], "The file ends too early"),
        ("a part of an archive", &whole[..whole.len() / 4], "The file ends too early"),
        ("a part of a CAR", &car[..car.len() / 2], "The file was not taken"),
        ("a broken CAR", &broken_car, "The file was not taken"),
    ] {
        let view = browser.send_file(&path, "file", file).await;
        assert!(view.error("file").starts_with(said), "{what}: {view:?}");
        assert_eq!(records(&there).await, 0, "{what}");
    }
    let view = browser.send_file(&path, "alice.tar", &whole).await;
    assert_eq!(view.status, 303, "{view:?}");
}

#[tokio::test]
async fn only_the_owners_own_form_fills_an_account_and_none_that_is_active() {
    let Moved { old, new, alice, there, browser, path } = moved().await;
    let car = alice.car().await;
    // Another browser, and a form without its token.
    let mut stranger = Browser::new(&new);
    stranger.get("/account/sign-in").await;
    let view = stranger.send_file(&path, "repo.car", &car).await;
    assert!(view.location.starts_with("/account/sign-in"), "{view:?}");
    let mut forged = browser.clone();
    forged.forget_form();
    assert_eq!(forged.send_file(&path, "repo.car", &car).await.status, 403);
    assert_eq!(records(&there).await, 0);

    let mut at_old = signed_in(&old, "alice.test").await;
    let view = at_old.get(&path).await;
    assert!(view.has("This account is active.") && !view.has("type=\"file\""), "{view:?}");
    let view = at_old.send_file(&path, "repo.car", &car).await;
    assert!(view.status == 422 && view.has("This account is active."), "{view:?}");
    // Forms of another kind.
    let mut browser = browser;
    browser.get(&path).await;
    assert_eq!(browser.submit(&path, &[]).await.status, 400);
}

#[tokio::test]
async fn what_comes_before_the_file_is_bounded_whoever_sends_it() {
    let pds = TestPds::start().await;
    let path = "/account/u/did:plc:nobody/data/restore";
    let browser = Browser::new(&pds);
    let form = || {
        let request = browser.request(Method::POST, path);
        request.header("content-type", "multipart/form-data; boundary=x")
    };
    // Headers of a field that never end, and a boundary that never comes.
    for beginning in ["--x\r\na: ", ""] {
        let pieces = stream::iter(0..256).then(move |n| async move {
            tokio::task::yield_now().await;
            let piece = if n == 0 { beginning.as_bytes().to_vec() } else { vec![b'a'; 16 * 1024] };
            Ok::<_, Infallible>(piece)
        });
        let answer = form().body(Body::wrap_stream(pieces)).send().await.unwrap();
        assert_eq!(answer.status(), 413, "{beginning:?}");
    }
    let answer = form().header("content-encoding", "gzip").body("small").send().await.unwrap();
    assert_eq!(answer.status(), 415);
}

#[tokio::test]
async fn a_file_that_cannot_be_had_keeps_no_other() {
    let world = World::start().await;
    let old = world.pds().await;
    let new = world
        .pds_with(|config| {
            config.handle_domains = vec![".new.test".to_owned()];
            config.blob_upload_limit = 8;
        })
        .await;
    let alice = furnished(&old).await;
    let there = alice.arrive_at(&new, "alice.new.test").await;
    let mut browser = signed_in(&new, "alice.new.test").await;
    let path = format!("/account/u/{}/data/restore", alice.did);
    browser.get(&path).await;
    let view = browser.send_file(&path, "alice.tar", &archive(&old, &alice).await).await;
    assert_eq!(view.status, 303, "{view:?}");
    assert!(browser.follow(&view).await.has("22 records, 1 of 2 files"));
    let preferences = there.query("app.bsky.actor.getPreferences", &[]).await.ok();
    assert_eq!(preferences["preferences"][0]["enabled"], true);
}

/// Only one of them works on an account at a time, and the other is not forgotten.
#[tokio::test]
async fn a_move_goes_on_after_a_file_that_came_in_between() {
    let (old, new) = two_servers().await;
    let alice = furnished(&old).await;
    let mut browser = Browser::new(&new);
    super::moving::set_out(&mut browser, &alice, &[]).await;
    let moving = format!("/account/u/{}/data/move-in", alice.did);
    super::moving::settled(&mut browser, &moving).await;

    let path = format!("/account/u/{}/data/restore", alice.did);
    let mut sender = browser.clone();
    sender.get(&path).await;
    let car = alice.car().await;
    let (first, rest) = (car[..600].to_vec(), car[600..].to_vec());
    let (go_on, held) = tokio::sync::oneshot::channel::<()>();
    let pieces = stream::iter([first]).chain(stream::once(async move {
        let _ = held.await;
        rest
    }));
    let target = path.clone();
    let sending =
        tokio::spawn(async move { sender.send_pieces(&target, "repo.car", pieces).await });
    browser.get(&moving).await;
    // No code is asked for while something works on the account.
    let begun = async {
        loop {
            let view = browser.submit(&moving, &[("act", "code")]).await;
            if !browser.follow(&view).await.has("The old server mails you a code.") {
                break;
            }
        }
    };
    timeout(Duration::from_secs(60), begun).await.expect("the file is taken");
    alice.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    let code = old.mailed_code("alice@mail.test");
    browser.submit(&moving, &[("act", "confirm"), ("code", &code)]).await;
    let _ = go_on.send(());
    assert_eq!(sending.await.unwrap().status, 303);
    let status = async || {
        let input = json!({ "identifier": alice.did, "password": super::moving::NEW_PASSWORD });
        new.anyone.call("com.atproto.server.createSession", input).await.ok()
    };
    let awake = async {
        while status().await["active"] != true {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), awake).await.expect("the account comes alive");
}

/// The old server gives nothing, and its owner has a copy.
#[tokio::test]
async fn a_move_that_stands_at_the_records_goes_on_with_a_file() {
    let world = World::start().await;
    let old = world.pds().await;
    let mut new = world
        .pds_with(|config| {
            config.handle_domains = vec![".new.test".to_owned()];
            config.import_limit = Some(1_000);
        })
        .await;
    let alice = furnished(&old).await;
    let mut browser = Browser::new(&new);
    super::moving::set_out(&mut browser, &alice, &[]).await;
    let moving = format!("/account/u/{}/data/move-in", alice.did);
    let view = super::moving::settled(&mut browser, &moving).await;
    assert!(view.has("more in one piece"), "{view:?}");
    let path = format!("/account/u/{}/data/restore", alice.did);
    browser.get(&path).await;
    let view = browser.send_file(&path, "repo.car", &alice.car().await).await;
    assert_eq!(view.status, 422, "{view:?}");
    new.config.import_limit = None;
    new.restart().await;
    browser.get(&path).await;
    let view = browser.send_file(&path, "repo.car", &alice.car().await).await;
    assert_eq!(view.status, 303, "{view:?}");
    browser.get(&moving).await;
    browser.submit(&moving, &[("act", "again")]).await;
    let view = super::moving::settled(&mut browser, &moving).await;
    assert!(view.has("22 records, 2 of 2 files") && view.has("name=\"code\""), "{view:?}");
}
