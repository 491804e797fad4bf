//! Recovery codes.

use cairn_tests::TestPds;

use super::{CODE, add_app, after_password, codes, create_session, path, show_code, signed_in};

#[tokio::test]
async fn a_recovery_code_lets_its_owner_in_once() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let (_, codes) = add_app(&pds, &alice, &mut browser).await;
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|code| code.len() == 11 && code.as_bytes()[5] == b'-'), "{codes:?}");

    let (mut browser, page) = after_password(&pds, "alice.test").await;
    let pending = page.field("pending");
    assert!(page.has("name=\"change\" value=\"recovery\""), "{page:?}");
    let view = browser.submit(CODE, &[("pending", &pending), ("change", "recovery")]).await;
    let page = browser.follow(&view).await;
    assert!(page.has("One of the codes that you put away"), "{page:?}");
    let view = show_code(&mut browser, &page, "recovery", "aaaaa-aaaaa").await;
    assert!(view.error("code").starts_with("This is none of your unused recovery codes"));
    let view = show_code(&mut browser, &page, "recovery", &codes[0].to_uppercase()).await;
    assert_eq!(view.status, 303, "{view:?}");
    assert!(
        pds.letter("alice@mail.test", "Recovery code used")
            .await
            .text
            .contains("Mozilla/5.0 (test)")
    );
    let page = browser.get(&path(&alice, "")).await;
    assert!(page.has("9 codes left") && !page.has("Few recovery codes"), "{page:?}");

    let (mut one, page) = after_password(&pds, "alice.test").await;
    let view = show_code(&mut one, &page, "recovery", &codes[0]).await;
    assert_eq!(view.status, 422);
    // Two at once: one is refused.
    let (mut two, other_page) = after_password(&pds, "alice.test").await;
    let (first, second) = tokio::join!(
        show_code(&mut one, &page, "recovery", &codes[1]),
        show_code(&mut two, &other_page, "recovery", &codes[1]),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
}

#[tokio::test]
async fn their_owner_hears_when_few_are_left_and_makes_new_ones() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = signed_in(&pds, "alice.test").await;
    let (_, old) = add_app(&pds, &alice, &mut browser).await;
    for code in &old[..6] {
        create_session(&pds, &alice, Some(code)).await.ok();
    }
    let (mut browser, page) = after_password(&pds, "alice.test").await;
    let view = show_code(&mut browser, &page, "recovery", &old[6]).await;
    let page = browser.follow(&view).await;
    assert!(page.has("Few recovery codes are left."), "{page:?}");
    let page = browser.get(&path(&alice, "")).await;
    assert!(page.has("You have 3 recovery codes left."), "{page:?}");

    browser.get(&path(&alice, "/codes")).await;
    let made = browser.submit(&path(&alice, "/codes"), &[]).await;
    let new = codes(&made);
    assert_eq!(new.len(), 10);
    pds.letter("alice@mail.test", "New recovery codes").await;
    pds.world.clock().advance(std::time::Duration::from_secs(600));
    assert_eq!(create_session(&pds, &alice, Some(&old[9])).await, (400, "InvalidToken"));
    create_session(&pds, &alice, Some(&new[9])).await.ok();
    // Without anything that they stand in for there are none.
    let mut bob_browser = {
        pds.account("bob").await;
        signed_in(&pds, "bob.test").await
    };
    let bobs = "/account/u/bob.test/security/codes";
    assert_eq!(bob_browser.get(bobs).await.status, 303);
    bob_browser.get("/account/u/bob.test/security").await;
    assert_eq!(bob_browser.submit(bobs, &[]).await.status, 303);
}
