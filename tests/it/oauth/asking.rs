//! What people are asked, and what comes of their answer.

use cairn_tests::{OAuthApp, TestPds, World};
use serde_json::json;

use super::{allow, boxes, decide, signed_in};

#[tokio::test]
async fn what_is_not_ticked_is_not_granted() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let scope = "atproto account:email repo:app.bsky.feed.post repo:com.example.note?action=create";
    let app = OAuthApp::loopback(&pds.world, scope);
    let mut browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    let said: Vec<String> = boxes(&page).into_iter().map(|(said, _)| said).collect();
    assert_eq!(
        said,
        ["See your e-mail address", "Create records", "Create, change and delete records"]
    );
    for words in
        ["Know who you are", "alice@mail.test", "posts", "<code class=\"ltr\">com.example.note"]
    {
        assert!(page.has(words), "{words}: {page:?}");
    }
    let unticked = ["See your e-mail address", "Create records"];
    let answer = allow(&pds, &app, &mut browser, (&pushed, &page), &unticked).await;
    assert_eq!(answer.text("scope"), "atproto repo:app.bsky.feed.post");
    let token = answer.text("access_token");
    let session = app.call(&pds, &token, "com.atproto.server.getSession", None).await;
    assert_eq!(session.ok().get("email"), None);
    let create = |collection: &str, record| json!({ "repo": alice.did, "collection": collection, "record": record });
    let note = create("com.example.note", json!({ "text": "no" }));
    let refused = app.call(&pds, &token, "com.atproto.repo.createRecord", Some(note)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let record = create("app.bsky.feed.post", cairn_tests::post("yes"));
    app.call(&pds, &token, "com.atproto.repo.createRecord", Some(record)).await.ok();
}

#[tokio::test]
async fn what_can_cost_the_account_is_read_first_and_the_way_back_is_told() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto account:email identity:*");
    let mut browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    let said: Vec<String> = boxes(&page).into_iter().map(|(said, _)| said).collect();
    assert_eq!(said, ["Change your whole identity", "See your e-mail address"]);
    assert!(page.has("take this back at any time"), "{page:?}");
    // The order is that of the page alone.
    let unticked = ["Change your whole identity"];
    let answer = allow(&pds, &app, &mut browser, (&pushed, &page), &unticked).await;
    assert_eq!(answer.text("scope"), "atproto account:email");
}

#[tokio::test]
async fn a_permission_set_says_what_it_is_in_the_readers_language() {
    let world = World::start().await;
    let (pds, publisher) = (world.pds().await, world.pds().await);
    let author = publisher.account("author").await;
    pds.account("alice").await;
    world.set_lexicon_authority("lex.example.com", &author.did);
    let set = json!({
        "$type": "com.atproto.lexicon.schema",
        "lexicon": 1,
        "id": "com.example.lex.basics",
        "defs": { "main": {
            "type": "permission-set",
            "title": "The basics",
            "title:lang": { "fr": "L'essentiel" },
            "detail": "What everybody <b>needs</b>",
            "detail:lang": { "fr": "Ce qu'il faut" },
            "permissions": [
                { "type": "permission", "resource": "repo", "collection": ["com.example.lex.note"] },
            ],
        } },
    });
    author.put("com.atproto.lexicon.schema", "com.example.lex.basics", set).await.ok();
    let app = OAuthApp::loopback(&world, "atproto include:com.example.lex.basics");
    let mut browser = signed_in(&pds, &["alice"]).await;

    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    assert_eq!(boxes(&page)[0].0, "The basics");
    assert!(page.has("What everybody &#60;b&#62;needs") && page.has("com.example.lex.note"));

    let pushed = app.push(&pds, &[("ui_locales", "fr-CA en")]).await;
    let view = browser.get(&pushed.page).await;
    let page = browser.follow(&view).await;
    assert_eq!(boxes(&page)[0].0, "L&#39;essentiel");
    assert!(page.has("Autoriser") && page.has("Ce qu&#39;il faut"), "{page:?}");
    let answer = allow(&pds, &app, &mut browser, (&pushed, &page), &[]).await;
    assert_eq!(answer.text("scope"), "atproto repo:com.example.lex.note");
}

#[tokio::test]
async fn no_is_an_answer() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    let view = decide(&mut browser, &page, "deny", &[]).await;
    assert_eq!(app.refusal(&pds, &view), "access_denied");
    let view = browser.get(&pushed.page).await;
    assert!(view.status == 400 && view.has("This request is over"), "{view:?}");
}

#[tokio::test]
async fn an_account_that_is_not_active_is_activated_first() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let app = OAuthApp::loopback(&pds.world, "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    let pushed = app.push(&pds, &[]).await;
    let page = browser.get(&pushed.page).await;
    assert!(page.has("This account is not active"), "{page:?}");
    // Pressing a button that is not there changes nothing.
    let fields = [
        ("request_uri", pushed.request_uri.as_str()),
        ("account", alice.did.as_str()),
        ("decision", "allow"),
    ];
    let view = browser.submit(super::REQUEST, &fields).await;
    assert!(view.has("This account is not active"), "{view:?}");
    let fields = [fields[0], fields[1], ("decision", "activate")];
    let view = browser.submit(super::REQUEST, &fields).await;
    let page = browser.follow(&view).await;
    assert!(page.has("Your account is active again."), "{page:?}");
    allow(&pds, &app, &mut browser, (&pushed, &page), &[]).await.ok();

    let takedown = json!({
        "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": alice.did },
        "takedown": { "applied": true },
    });
    let pushed = app.push(&pds, &[]).await;
    browser.get(&pushed.page).await;
    pds.admin().call("com.atproto.admin.updateSubjectStatus", takedown).await.ok();
    let view = browser.get(&pushed.page).await;
    assert!(!view.has("value=\"allow\"") && !view.has("value=\"activate\""), "{view:?}");
}
