//! The invite codes of an account.

use std::time::Duration;

use cairn_server::config::SignUp;
use cairn_store::InviteInterval;
use cairn_tests::{Browser, PASSWORD, TestAccount, TestPds};
use serde_json::json;

use super::signed_in;

const DAY: u64 = 86_400;

pub(super) async fn inviting() -> TestPds {
    TestPds::start_with(|config| {
        config.sign_up = SignUp::Invite;
        config.invite_interval = InviteInterval::from_millis(DAY * 1_000, 0);
    })
    .await
}

async fn newcomer(pds: &TestPds, code: &str, name: &str) -> TestAccount {
    let input = json!({
        "handle": format!("{name}.test"), "email": format!("{name}@mail.test"),
        "password": PASSWORD, "inviteCode": code,
    });
    let created = pds.anyone.call("com.atproto.server.createAccount", input).await.ok();
    TestAccount::from_session(pds, &created)
}

pub(super) async fn alice(pds: &TestPds) -> TestAccount {
    let input = json!({ "useCount": 1 });
    let made = pds.admin().call("com.atproto.server.createInviteCode", input).await.ok();
    newcomer(pds, made["code"].as_str().unwrap(), "alice").await
}

#[tokio::test]
async fn people_earn_codes_and_see_who_used_them() {
    let pds = inviting().await;
    let alice = alice(&pds).await;
    let page = format!("/account/u/{}/invites", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    let view = browser.get(&page).await;
    assert!(view.has("You earn codes with time") && !view.has("You have earned"), "{view:?}");
    let view = browser.submit(&page, &[]).await;
    assert!(browser.follow(&view).await.has("You have not earned another code yet."));

    pds.world.clock().advance(Duration::from_secs(2 * DAY + 1));
    assert!(browser.get(&page).await.has("You have earned 2 codes."));
    browser.submit(&page, &[]).await;
    let view = browser.get(&page).await;
    let link = view.html.split("/account/sign-up?invite=").nth(1).expect("a link");
    let code = link.split('<').next().unwrap().to_owned();
    newcomer(&pds, &code, "bobby").await;
    let view = browser.get(&page).await;
    assert!(
        view.has("1 of 1 used") && view.has("bobby.test") && view.has("0 of 1 used"),
        "{view:?}"
    );

    // The link leads to a page that has the code in it already.
    let mut guest = Browser::new(&pds);
    assert_eq!(guest.get("/account/sign-up?invite=a-code").await.field("invite"), "a-code");
}

#[tokio::test]
async fn who_may_not_invite_is_told() {
    let pds = inviting().await;
    let alice = alice(&pds).await;
    pds.world.clock().advance(Duration::from_secs(2 * DAY));
    let input = json!({ "account": alice.did });
    pds.admin().call("com.atproto.admin.disableAccountInvites", input).await.ok();
    let page = format!("/account/u/{}/invites", alice.did);
    let mut browser = signed_in(&pds, "alice").await;
    assert!(browser.get(&page).await.has("You get no more invite codes."));
    browser.submit(&page, &[]).await;
    let params = [("createAvailable", "false")];
    let alice = alice.sign_in(&pds, PASSWORD).await;
    let codes = alice.query("com.atproto.server.getAccountInviteCodes", &params).await.ok();
    assert_eq!(codes["codes"], json!([]));
}

#[tokio::test]
async fn where_nobody_needs_a_code_there_is_no_page() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice").await;
    let home = browser.get(&format!("/account/u/{}", alice.did)).await;
    assert!(!home.has("/invites"), "{home:?}");
    assert_eq!(browser.get(&format!("/account/u/{}/invites", alice.did)).await.status, 404);
}
