//! Refreshing when things go wrong: many at once, answers that are lost, restarts, permission sets that change.

use std::time::Duration;

use cairn_tests::{AppAnswer, OAuthApp, TestAccount, TestPds, World};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{MINUTE, signed_in, tokens};

/// An app with a session of all that it declares.
async fn session(pds: &TestPds, scope: &str) -> (OAuthApp, AppAnswer) {
    let app = OAuthApp::loopback(&pds.world, scope);
    let mut browser = signed_in(pds, &["alice"]).await;
    let pushed = app.push(pds, &[]).await;
    let answer = tokens(pds, &app, &mut browser, &pushed).await;
    answer.ok();
    (app, answer)
}

/// Both tokens of an answer.
fn pair(answer: &AppAnswer) -> (String, String) {
    (answer.text("access_token"), answer.text("refresh_token"))
}

async fn works(pds: &TestPds, app: &OAuthApp, access: &str) -> bool {
    app.call(pds, access, "com.atproto.server.getSession", None).await.status == 200
}

#[tokio::test]
async fn many_at_once_get_the_same_tokens() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let (app, first) = session(&pds, "atproto").await;
    let (access, refresh) = pair(&first);
    let answers = join_all((0..24).map(|_| app.refresh(&pds, &refresh))).await;
    let (next, last) = pair(&answers[0]);
    for answer in &answers {
        assert_eq!(pair(answer), (next.clone(), last.clone()));
    }
    assert!(works(&pds, &app, &next).await);
    assert!(!works(&pds, &app, &access).await, "it was replaced");
    pds.world.clock().advance(2 * MINUTE);
    app.refresh(&pds, &last).await.ok();
}

#[tokio::test]
async fn windows_that_refresh_in_any_order_stay_on_one_chain() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let (app, first) = session(&pds, "atproto").await;
    // Each knows only what it got itself.
    let window = async || {
        let mut held = pair(&first);
        for _ in 0..5 {
            held = pair(&app.refresh(&pds, &held.1).await);
        }
        held
    };
    let held = join_all((0..6).map(|_| window())).await;
    let mut ends = Vec::new();
    for (_, refresh) in held {
        ends.push(pair(&app.refresh(&pds, &refresh).await));
    }
    // The one whose token was the living one has moved on; all others arrive where it went.
    let (_, living) = ends.last().unwrap().clone();
    let arrived = pair(&app.refresh(&pds, &living).await);
    for (_, refresh) in ends {
        assert_eq!(pair(&app.refresh(&pds, &refresh).await), arrived);
    }
    assert!(works(&pds, &app, &arrived.0).await);
}

#[tokio::test]
async fn whoever_hangs_up_at_any_moment_can_refresh_again() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let (app, first) = session(&pds, "atproto").await;
    let mut held = pair(&first);
    for round in 0..12 {
        let given_up = Duration::from_micros(250 * round);
        let _ = tokio::time::timeout(given_up, app.refresh(&pds, &held.1)).await;
        held = pair(&app.refresh(&pds, &held.1).await);
        assert!(works(&pds, &app, &held.0).await, "round {round}");
        // Past the grace: what was lost is not missed.
        pds.world.clock().advance(2 * MINUTE);
    }
}

#[tokio::test]
async fn a_lost_answer_comes_again_after_a_restart() {
    let mut pds = TestPds::start().await;
    pds.account("alice").await;
    let (app, first) = session(&pds, "atproto").await;
    let (access, refresh) = pair(&first);
    pds.restart().await;
    assert!(works(&pds, &app, &access).await);
    let lost = pair(&app.refresh(&pds, &refresh).await);
    pds.restart().await;
    assert_eq!(pair(&app.refresh(&pds, &refresh).await), lost);
    assert!(works(&pds, &app, &lost.0).await);
    // A replay is noticed after a restart, too.
    pds.world.clock().advance(2 * MINUTE);
    pds.restart().await;
    assert_eq!(app.refresh(&pds, &refresh).await.error(), (400, "invalid_grant"));
    assert!(!works(&pds, &app, &lost.0).await);
    assert_eq!(app.refresh(&pds, &lost.1).await.error(), (400, "invalid_grant"));
}

const SET: &str = "com.example.lex.basics";

async fn publish(author: &TestAccount, collections: &[&str]) {
    let permission: Value =
        json!({ "type": "permission", "resource": "repo", "collection": collections });
    let set = json!({
        "$type": "com.atproto.lexicon.schema",
        "lexicon": 1,
        "id": SET,
        "defs": { "main": {
            "type": "permission-set", "title": "The basics", "permissions": [permission],
        } },
    });
    author.put("com.atproto.lexicon.schema", SET, set).await.ok();
}

/// What a permission set has lost, no session keeps by asking for it by name.
#[tokio::test]
async fn a_refresh_does_not_bring_back_what_a_permission_set_has_lost() {
    let world = World::start().await;
    let (pds, publisher) = (world.pds().await, world.pds().await);
    let author = publisher.account("author").await;
    pds.account("alice").await;
    world.set_lexicon_authority("lex.example.com", &author.did);
    publish(&author, &["com.example.lex.note", "com.example.lex.vote"]).await;
    let scope = format!("atproto include:{SET}");
    let (app, first) = session(&pds, &scope).await;
    let both = "atproto repo?collection=com.example.lex.note&collection=com.example.lex.vote";
    assert_eq!(first.text("scope"), both);
    let (other, mut seen) = session(&pds, &scope).await;

    publish(&author, &["com.example.lex.note"]).await;
    pds.world.clock().advance(6 * MINUTE);
    // The set is looked up anew behind the back of who asks first.
    for _ in 0..200 {
        seen = other.refresh(&pds, &pair(&seen).1).await;
        if seen.text("scope") != both {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(seen.text("scope"), "atproto repo:com.example.lex.note");
    let (_, refresh) = pair(&first);
    let wider = app.refresh_for(&pds, &refresh, "atproto repo:com.example.lex.vote").await;
    assert_eq!(wider.error(), (400, "invalid_scope"));
    let less = app.refresh_for(&pds, &refresh, "atproto repo:com.example.lex.note").await;
    assert_eq!(less.text("scope"), "atproto repo:com.example.lex.note");
}
