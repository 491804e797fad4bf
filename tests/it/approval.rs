//! Accounts that wait for the operator's answer.

use std::time::Duration;

use cairn_identity::Resolver;
use cairn_server::config::SignUp;
use cairn_tests::{DirectoryFault, PASSWORD, Reply, TestAccount, TestPds};
use serde_json::{Value, json};
use tokio::time::timeout;

const CREATE: &str = "com.atproto.server.createAccount";
const QUEUE: &str = "com.atproto.temp.checkSignupQueue";
const SESSION: &str = "com.atproto.server.getSession";

async fn approving() -> TestPds {
    TestPds::start_with(|config| config.sign_up = SignUp::Approval).await
}

fn wanted(name: &str) -> Value {
    json!({
        "handle": format!("{name}.test"), "email": format!("{name}@mail.test"), "password": PASSWORD,
    })
}

async fn apply(pds: &TestPds, name: &str) -> TestAccount {
    TestAccount::from_session(pds, &pds.anyone.call(CREATE, wanted(name)).await.ok())
}

async fn sign_in(pds: &TestPds, identifier: &str, password: &str) -> Reply {
    let input = json!({ "identifier": identifier, "password": password });
    pds.anyone.call("com.atproto.server.createSession", input).await
}

async fn approve(pds: &TestPds, did: &impl ToString) -> Reply {
    pds.admin().post("/admin/api/sign-ups/approve", json!({ "did": did.to_string() })).await
}

async fn reject(pds: &TestPds, did: &impl ToString) -> Reply {
    pds.admin().post("/admin/api/sign-ups/reject", json!({ "did": did.to_string() })).await
}

#[tokio::test]
async fn nothing_of_an_applicant_leaves_the_server() {
    let pds = approving().await;
    let alice = apply(&pds, "alice").await;
    let bobby = apply(&pds, "bobby").await;
    assert!(pds.world.plc().get_last_op(&alice.did).await.is_err(), "the DID is not registered");
    let did = alice.did.as_str();
    let anyone = &pds.anyone;
    let gone = anyone.query("com.atproto.identity.resolveHandle", &[("handle", "alice.test")]);
    assert_eq!(gone.await, (400, "HandleNotFound"));
    let repos = anyone.query("com.atproto.sync.listRepos", &[]).await.ok();
    assert_eq!(repos["repos"], json!([]));
    let status = anyone.query("com.atproto.sync.getRepoStatus", &[("did", did)]).await;
    assert_eq!(status, (400, "RepoNotFound"));

    let place = alice.query(QUEUE, &[]).await.ok();
    assert_eq!(place, json!({ "activated": false, "placeInQueue": 1 }));
    assert_eq!(bobby.query(QUEUE, &[]).await.ok()["placeInQueue"], 2);
    let session = alice.query(SESSION, &[]).await.ok();
    assert_eq!((&session["handle"], &session["active"]), (&json!("alice.test"), &json!(false)));
    let refused = alice.create("app.bsky.feed.post", cairn_tests::post("hi")).await;
    assert_eq!(refused, (400, "InvalidToken"));
    assert_eq!(alice.query("app.bsky.feed.getTimeline", &[]).await, (400, "InvalidToken"));

    assert_eq!(sign_in(&pds, "alice.test", "wrong").await, (401, "AuthenticationRequired"));
    let again =
        TestAccount::from_session(&pds, &sign_in(&pds, "ALICE@mail.test", PASSWORD).await.ok());
    assert_eq!(again.query(QUEUE, &[]).await.ok()["activated"], false);
    let refreshed = again.refresher().poke("com.atproto.server.refreshSession").await.ok();
    let refreshed = TestAccount::from_session(&pds, &refreshed);
    assert_eq!(refreshed.query(QUEUE, &[]).await.ok()["activated"], false);
    let mut other = wanted("carla");
    other["handle"] = json!("alice.test");
    assert_eq!(anyone.call(CREATE, other).await, (400, "HandleNotAvailable"));
}

#[tokio::test]
async fn an_approved_account_is_announced_and_goes_on_in_its_session() {
    let mut pds = approving().await;
    let alice = apply(&pds, "alice").await;
    pds.restart().await;
    let listed = pds.admin().page("/admin/api/sign-ups").await.ok();
    assert_eq!(listed["signUps"][0]["did"], alice.did.as_str());
    assert_eq!(listed["signUps"][0]["email"], "alice@mail.test");
    let cursor = listed["cursor"].as_str().unwrap();
    let rest = pds.admin().page(&format!("/admin/api/sign-ups?cursor={cursor}")).await.ok();
    assert_eq!(rest["signUps"], json!([]));

    let mut firehose = pds.firehose().await;
    let input = json!({ "did": alice.did });
    assert_eq!(pds.anyone.post("/admin/api/sign-ups/approve", input).await, (401, "AuthMissing"));
    let approved = approve(&pds, &alice.did).await.ok();
    assert_eq!(approved, json!({ "did": alice.did, "handle": "alice.test" }));
    assert_eq!(
        firehose.names(4).await,
        ["identity alice.test", "account active", "empty commit", "sync"]
    );
    assert_eq!(approve(&pds, &alice.did).await, (400, "NotFound"));

    assert_eq!(alice.query(QUEUE, &[]).await.ok(), json!({ "activated": true }));
    let refused = alice.create("app.bsky.feed.post", cairn_tests::post("hi")).await;
    assert_eq!(refused, (400, "InvalidToken"), "the token from before gives no more than before");
    let session = alice.refresher().poke("com.atproto.server.refreshSession").await.ok();
    let alice = TestAccount::from_session(&pds, &session);
    alice.post("hello").await;
    let mail = pds.mail().into_iter().find(|mail| mail.to == "alice@mail.test").unwrap();
    assert_eq!(mail.subject, "Your Account Is Ready");
    assert!(mail.text.contains("alice.test"), "{}", mail.text);
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alice.test"]);
}

#[tokio::test]
async fn an_approval_goes_on_when_the_operator_hangs_up() {
    let pds = approving().await;
    let alice = apply(&pds, "alice").await;
    pds.world.fault_directory(Some(DirectoryFault::Dawdles(Duration::from_millis(500))));
    let hung_up = timeout(Duration::from_millis(200), approve(&pds, &alice.did)).await;
    assert!(hung_up.is_err(), "it waits for the directory");
    let told = async {
        while !pds.mail().iter().any(|mail| mail.subject == "Your Account Is Ready") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), told).await.expect("alice is told");
}

#[tokio::test]
async fn the_handle_of_an_applicant_never_reaches_the_document_of_another() {
    let pds = approving().await;
    let bobby = apply(&pds, "bobby").await;
    approve(&pds, &bobby.did).await.ok();
    let session = bobby.refresher().poke("com.atproto.server.refreshSession").await.ok();
    let bobby = TestAccount::from_session(&pds, &session);
    apply(&pds, "alice").await;
    let before = pds.world.plc().get_last_op(&bobby.did).await.unwrap();
    let input = json!({ "handle": "alice.test" });
    let taken = bobby.call("com.atproto.identity.updateHandle", input).await;
    assert_eq!(taken, (400, "HandleNotAvailable"));
    assert_eq!(pds.world.plc().get_last_op(&bobby.did).await.unwrap(), before);
}

#[tokio::test]
async fn nothing_is_left_of_who_is_rejected() {
    let pds = approving().await;
    let alice = apply(&pds, "alice").await;
    assert_eq!(
        pds.anyone.post("/admin/api/sign-ups/reject", json!({})).await,
        (401, "AuthMissing")
    );
    reject(&pds, &alice.did).await.body();
    assert_eq!(reject(&pds, &alice.did).await, (400, "NotFound"));
    assert_eq!(approve(&pds, &alice.did).await, (400, "NotFound"));
    assert_eq!(alice.query(QUEUE, &[]).await, (403, "AccountNotFound"));
    assert_eq!(sign_in(&pds, "alice.test", PASSWORD).await, (401, "AuthenticationRequired"));
    let refreshed = alice.refresher().poke("com.atproto.server.refreshSession").await;
    assert_eq!(refreshed, (400, "ExpiredToken"));
    apply(&pds, "alice").await;
}

#[tokio::test]
async fn who_cannot_be_registered_goes_on_waiting() {
    let pds = approving().await;
    let alice = apply(&pds, "alice").await;
    pds.world.stop_directory().await;
    assert_eq!(approve(&pds, &alice.did).await, (502, "UpstreamFailure"));
    assert_eq!(alice.query(QUEUE, &[]).await.ok()["activated"], false);
    reject(&pds, &alice.did).await.body();
}

#[tokio::test]
async fn an_approval_that_was_cut_off_behind_the_directory_is_given_again() {
    let mut pds = approving().await;
    let alice = apply(&pds, "alice").await;
    // The directory knows of the approval, and the server does not.
    let before = pds.copy().await;
    approve(&pds, &alice.did).await.ok();
    pds.put_back(&before).await;
    assert_eq!(alice.query(QUEUE, &[]).await.ok()["activated"], false);
    approve(&pds, &alice.did).await.ok();
    alice.sign_in(&pds, PASSWORD).await.post("hello").await;
}

#[tokio::test]
async fn who_wants_a_did_of_this_server_or_brings_one_waits_too() {
    let pds = TestPds::start_with(|config| {
        config.sign_up = SignUp::Approval;
        config.hosted_did_web = true;
    })
    .await;
    let mut input = wanted("alice");
    input["did"] = json!("did:web:alice.test");
    let alice = TestAccount::from_session(&pds, &pds.anyone.call(CREATE, input).await.ok());
    assert_eq!(alice.query(QUEUE, &[]).await.ok()["activated"], false);
    assert!(pds.world.resolver().did(&alice.did, true).await.is_err(), "it has no document");

    let old = pds.world.pds().await;
    let bobby = old.account("robert").await;
    let aud = pds.config.service_did.to_string();
    let params = [("aud", aud.as_str()), ("lxm", CREATE)];
    let token = bobby.query("com.atproto.server.getServiceAuth", &params).await.ok();
    let mut input = wanted("bobby");
    input["did"] = json!(bobby.did);
    let moving = pds.anyone.bearer(token["token"].as_str().unwrap()).call(CREATE, input).await;
    let moving = TestAccount::from_session(&pds, &moving.ok());
    assert_eq!(moving.query(QUEUE, &[]).await.ok()["placeInQueue"], 2);
    let listed = pds.admin().page("/admin/api/sign-ups").await.ok();
    let moves = listed["signUps"].as_array().unwrap().iter().map(|one| one["movesIn"].clone());
    assert_eq!(moves.collect::<Vec<_>>(), [json!(false), json!(true)]);

    approve(&pds, &alice.did).await.ok();
    alice.sign_in(&pds, PASSWORD).await.post("hello").await;
    approve(&pds, &bobby.did).await.ok();
    let moved = moving.sign_in(&pds, PASSWORD).await;
    let session = moved.query(SESSION, &[]).await.ok();
    assert_eq!(session["status"], "deactivated", "until the move is done");
    moved
        .upload("com.atproto.repo.importRepo", "application/vnd.ipld.car", bobby.car().await)
        .await
        .ok();
}

#[tokio::test]
async fn two_approvals_at_a_time_make_one_account() {
    let pds = approving().await;
    let alice = apply(&pds, "alice").await;
    let both = tokio::join!(approve(&pds, &alice.did), approve(&pds, &alice.did));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    alice.sign_in(&pds, PASSWORD).await.post("hello").await;
}

#[tokio::test]
async fn the_operator_asks_nobody() {
    let pds = approving().await;
    let made = pds.admin().call(CREATE, wanted("alice")).await.ok();
    TestAccount::from_session(&pds, &made).post("hello").await;
    // Answers come from scripts, not from forms of other pages.
    let input = r#"{"did":"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"}"#;
    let form = pds.admin().upload("../admin/api/sign-ups/reject", "text/plain", input).await;
    assert_eq!(form, (400, "InvalidRequest"));
}

#[tokio::test]
async fn handles_are_available_or_others_are_suggested() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let ask = async |handle: &str, email: &str| {
        let params = [("handle", handle), ("email", email)];
        pds.anyone.query("com.atproto.temp.checkHandleAvailability", &params).await
    };
    let kind = |reply: &Value| reply["result"]["$type"].as_str().unwrap().to_owned();
    let free = ask("bobby.test", "").await.ok();
    assert_eq!(free["handle"], "bobby.test");
    assert!(kind(&free).ends_with("#resultAvailable"));

    let taken = ask("alice.test", "a.cooper@mail.test").await.ok();
    assert!(kind(&taken).ends_with("#resultUnavailable"));
    let suggested = taken["result"]["suggestions"].as_array().unwrap();
    let handles: Vec<&str> = suggested.iter().map(|one| one["handle"].as_str().unwrap()).collect();
    assert_eq!(
        handles,
        ["acooper.test", "alice1.test", "alice2.test", "alice3.test", "alice4.test"]
    );
    for handle in ["admin.test", "al.test", "alice.example.org"] {
        assert!(kind(&ask(handle, "").await.ok()).ends_with("#resultUnavailable"), "{handle}");
    }
    assert_eq!(ask("no handle", "").await, (400, "InvalidRequest"));
    assert_eq!(ask("alice.test", "nobody").await, (400, "InvalidEmail"));
    let phone = json!({ "phoneNumber": "+15550100" });
    let refused = pds.anyone.call("com.atproto.temp.requestPhoneVerification", phone).await;
    assert_eq!(refused, (400, "InvalidRequest"));
}
