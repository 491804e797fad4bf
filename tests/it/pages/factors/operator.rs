//! The way back in for who has lost everything.

use cairn_tests::{ADMIN_PASSWORD, Browser, TestPds};

use super::{add_app, add_passkey, create_session, path, signed_in};

#[tokio::test]
async fn the_operator_removes_the_second_factors_of_an_account() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    add_app(&pds, &alice, &mut browser).await;
    add_passkey(&pds, &alice, &mut browser).await;
    alice.add_mailed_codes(&pds).await;
    assert_eq!(create_session(&pds, &alice, None).await, (401, "AuthFactorTokenRequired"));

    let mut operator = Browser::new(&pds);
    operator.fill("/admin/sign-in", &[("password", ADMIN_PASSWORD)]).await;
    let page = operator.get(&format!("/admin/accounts/{}", alice.did)).await;
    for said in ["Last sign-in", "1 browser", "authenticator app"] {
        assert!(page.has(said) && !page.has("none known"), "{said}: {page:?}");
    }
    let act = format!("/admin/accounts/{}/remove-factors", alice.did);
    assert!(operator.get(&act).await.has("make sure that it is them who asks"));
    let view = operator.submit(&act, &[]).await;
    assert!(operator.follow(&view).await.has("The password alone is enough again."));
    assert!(operator.get("/admin/log").await.has("Second factors removed"));
    let told = pds.letter("alice@mail.test", "Second factors removed").await.text;
    assert!(!told.contains("127.0.0.1") && !told.contains("Mozilla"), "{told}");

    create_session(&pds, &alice, None).await.ok();
    let mut browser = signed_in(&pds, "alice.test").await;
    let page = browser.get(&path(&alice, "")).await;
    assert!(page.has("So far the password is enough."), "{page:?}");
}
