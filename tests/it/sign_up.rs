//! Who may have an account, under which names, and with which codes.

use std::time::Duration;

use cairn_server::accounts::blocked_words::BlockedWords;
use cairn_server::accounts::email::DisposableDomains;
use cairn_server::config::SignUp;
use cairn_store::InviteInterval;
use cairn_tests::{PASSWORD, TestAccount, TestPds};
use serde_json::{Value, json};

const CREATE: &str = "com.atproto.server.createAccount";
const CODES: &str = "com.atproto.server.getAccountInviteCodes";
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn wanted(handle: &str, email: &str) -> Value {
    json!({ "handle": handle, "email": email, "password": PASSWORD })
}

#[tokio::test]
async fn an_invite_code_lets_in_as_many_as_it_says() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Invite).await;
    let create = |name: &'static str, code: Option<String>| {
        let anyone = pds.anyone.clone();
        let mut input = wanted(&format!("{name}.test"), &format!("{name}@mail.test"));
        if let Some(code) = code {
            input["inviteCode"] = json!(code);
        }
        async move { anyone.call("com.atproto.server.createAccount", input).await }
    };
    assert_eq!(create("alice", None).await, (400, "InvalidInviteCode"));
    assert_eq!(
        create("alice", Some("localhost-aaaaa-bbbbb".to_owned())).await,
        (400, "InvalidInviteCode")
    );

    let code = pds
        .admin()
        .call("com.atproto.server.createInviteCode", json!({ "useCount": 2 }))
        .await
        .ok();
    let code = code["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("localhost-"), "{code}");
    let alice = TestAccount::from_session(&pds, &create("alice", Some(code.clone())).await.ok());
    create("bobby", Some(code.clone())).await.ok();
    assert_eq!(create("carla", Some(code.clone())).await, (400, "InvalidInviteCode"));

    let info = pds
        .admin()
        .query("com.atproto.admin.getAccountInfo", &[("did", alice.did.as_str())])
        .await
        .ok();
    assert_eq!(info["invitedBy"]["code"], code);
    assert_eq!(info["invitedBy"]["uses"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn invite_codes_are_made_by_the_operator_for_whom_they_say() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    assert_eq!(
        alice.call("com.atproto.server.createInviteCode", json!({ "useCount": 1 })).await,
        (400, "InvalidToken")
    );

    let input = json!({ "codeCount": 3, "useCount": 1, "forAccounts": [alice.did] });
    let made = pds.admin().call("com.atproto.server.createInviteCodes", input).await.ok();
    assert_eq!(made["codes"][0]["account"], alice.did.as_str());
    assert_eq!(made["codes"][0]["codes"].as_array().unwrap().len(), 3);
    let seen = alice.query("com.atproto.server.getAccountInviteCodes", &[]).await.ok();
    assert_eq!(seen["codes"].as_array().unwrap().len(), 3);
    assert_eq!(seen["codes"][0]["forAccount"], alice.did.as_str());
}

/// A server whose accounts earn a code a day.
async fn inviting() -> TestPds {
    TestPds::start_with(|config| {
        config.sign_up = SignUp::Invite;
        config.invite_interval = InviteInterval::from_millis(24 * 3_600_000, 0);
    })
    .await
}

/// An account that the operator makes.
async fn founded(pds: &TestPds, name: &str) -> TestAccount {
    let input = wanted(&format!("{name}.test"), &format!("{name}@mail.test"));
    TestAccount::from_session(pds, &pds.admin().call(CREATE, input).await.ok())
}

/// A code that the operator makes.
async fn code_of(pds: &TestPds, uses: u32) -> Value {
    let input = json!({ "useCount": uses });
    pds.admin().call("com.atproto.server.createInviteCode", input).await.ok()["code"].clone()
}

fn codes(listed: &Value) -> Vec<String> {
    let codes = listed["codes"].as_array().unwrap().iter();
    codes.map(|code| code["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_of_many_gets_the_last_use_of_a_code() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Invite).await;
    let code = code_of(&pds, 3).await;
    let attempts = (0..8).map(|n| {
        let anyone = pds.anyone.clone();
        let mut input = wanted(&format!("person{n}.test"), &format!("p{n}@mail.test"));
        input["inviteCode"] = code.clone();
        async move { anyone.call(CREATE, input).await }
    });
    let replies = futures_util::future::join_all(attempts).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(made.len(), 3);
    assert!(refused.iter().all(|reply| *reply == (400, "InvalidInviteCode")));
    let listed = pds.anyone.query("com.atproto.sync.listRepos", &[]).await.ok();
    assert_eq!(listed["repos"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn accounts_earn_codes_with_time() {
    let pds = inviting().await;
    let alice = founded(&pds, "alice").await;
    assert_eq!(codes(&alice.query(CODES, &[]).await.ok()).len(), 0);
    pds.world.clock().advance(2 * DAY);
    let alice = alice.sign_in(&pds, PASSWORD).await;
    let none = alice.query(CODES, &[("createAvailable", "false")]).await.ok();
    assert_eq!(codes(&none).len(), 0);

    // Two requests at a time make no code too many.
    let both = (0..4).map(|_| alice.query(CODES, &[]));
    for reply in futures_util::future::join_all(both).await {
        assert_eq!(codes(&reply.ok()).len(), 2);
    }
    let listed = alice.query(CODES, &[]).await.ok();
    let first = &listed["codes"][0];
    assert_eq!(first["createdBy"], alice.did.as_str());
    assert_eq!((&first["available"], &first["disabled"]), (&json!(1), &json!(false)));

    let mut input = wanted("bobby.test", "bobby@mail.test");
    input["inviteCode"] = first["code"].clone();
    pds.anyone.call(CREATE, input).await.ok();
    let unused = alice.query(CODES, &[("includeUsed", "false")]).await.ok();
    assert_eq!(codes(&unused).len(), 1);

    pds.world.clock().advance(60 * DAY);
    let alice = alice.sign_in(&pds, PASSWORD).await;
    let unused = alice.query(CODES, &[("includeUsed", "false")]).await.ok();
    assert_eq!(codes(&unused).len(), 5, "no more than five are open");
}

#[tokio::test]
async fn a_closed_server_takes_nobody_but_whom_the_operator_brings() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Closed).await;
    let mut input = wanted("alice.test", "alice@mail.test");
    input["inviteCode"] = code_of(&pds, 1).await;
    assert_eq!(pds.anyone.call(CREATE, input.clone()).await, (403, "SignUpClosed"));

    let wrong = pds.anyone.authorized("Basic YWRtaW46d3Jvbmc=").call(CREATE, input.clone()).await;
    assert_eq!(wrong, (401, "AuthenticationRequired"));
    let alice = TestAccount::from_session(&pds, &pds.admin().call(CREATE, input).await.ok());
    alice.post("hello").await;
    // A DID that lives elsewhere is its holder's to bring, not the operator's.
    let mut input = wanted("bobby.test", "bobby@mail.test");
    input["did"] = json!("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(pds.admin().call(CREATE, input).await, (401, "AuthenticationRequired"));
}

#[tokio::test]
async fn slurs_are_no_handles_unless_the_operator_says_so() {
    let pds = TestPds::start_with(|config| {
        config.blocked_handle_words = BlockedWords::from_list(["default", "=spam"]).unwrap();
    })
    .await;
    for handle in ["f4ggot.test", "xx-spam-xx.test", "s-p-4-m.test"] {
        let refused = pds.anyone.call(CREATE, wanted(handle, "alice@mail.test")).await;
        assert_eq!(refused, (400, "InvalidHandle"), "{handle}");
        assert_eq!(refused.message(), "Inappropriate language in handle");
    }
    let alice = pds.account("spammy").await;
    let update = "com.atproto.identity.updateHandle";
    assert_eq!(alice.call(update, json!({ "handle": "spam.test" })).await, (400, "InvalidHandle"));
    let input = json!({ "did": alice.did, "handle": "spam.test" });
    pds.admin().call("com.atproto.admin.updateAccountHandle", input).await.ok();
}

#[tokio::test]
async fn addresses_to_throw_away_are_not_taken() {
    let pds = TestPds::start_with(|config| {
        config.disposable_domains = DisposableDomains::parse("trash.example").unwrap();
    })
    .await;
    let refused = pds.anyone.call(CREATE, wanted("alice.test", "a@my.Trash.example")).await;
    assert_eq!(refused, (400, "InvalidRequest"));
    assert!(refused.message().contains("not supported"), "{}", refused.message());
    let alice = pds.account("alice").await;
    let update = "com.atproto.server.updateEmail";
    let input = json!({ "email": "a@trash.example" });
    assert_eq!(alice.call(update, input).await, (400, "InvalidRequest"));
    alice.call(update, json!({ "email": "a@treasure.example" })).await.ok();
}
