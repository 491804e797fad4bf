//! Refreshing when things go wrong: many at once, answers that are lost, restarts, permission sets that change.

use std::collections::BTreeSet;
use std::time::Duration;

use cairn_tests::{AppAnswer, OAuthApp, PASSWORD, TestAccount, TestPds, World};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{DAY, MINUTE, signed_in, tokens};

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

/// A set that was found once serves as long as nobody says otherwise; moderation does.
#[tokio::test]
async fn a_refresh_keeps_what_it_had_while_a_permission_set_cannot_be_had() {
    let world = World::start().await;
    let pds = world.pds().await;
    let author = pds.account("author").await;
    pds.account("alice").await;
    world.set_lexicon_authority("lex.example.com", &author.did);
    publish(&author, &["com.example.lex.note", "com.example.lex.vote"]).await;
    let set = format!("atproto include:{SET}");
    let scope = format!("{set} repo:com.example.own");
    let (app, first) = session(&pds, &scope).await;
    let of_set = "repo?collection=com.example.lex.note&collection=com.example.lex.vote";
    let all = scopes_of(&format!("atproto {of_set} repo:com.example.own"));
    assert_eq!(scopes(&first), all);
    let part = app.refresh_for(&pds, &pair(&first).1, &set).await;
    assert_eq!(scopes(&part), scopes_of(&format!("atproto {of_set}")));
    let whole = app.refresh(&pds, &pair(&part).1).await;

    let take_down = async |applied: bool| {
        let input = json!({
            "subject": { "$type": "com.atproto.admin.defs#repoRef", "did": author.did },
            "takedown": { "applied": applied },
        });
        pds.admin().call("com.atproto.admin.updateSubjectStatus", input).await.ok();
    };
    take_down(true).await;
    world.clock().advance(DAY + MINUTE);
    let kept = app.refresh(&pds, &pair(&whole).1).await;
    assert_eq!(scopes(&kept), all);
    let named = app.refresh_for(&pds, &pair(&kept).1, &scope).await;
    assert_eq!(scopes(&named), all);
    // What came from the set is not known any more, so a part that names it is all that there was.
    let part = app.refresh_for(&pds, &pair(&named).1, &set).await;
    assert_eq!(scopes(&part), all);
    // No way to get more, and none to begin.
    let refresh = pair(&part).1;
    for wider in ["atproto include:com.example.lex.others", "atproto repo:com.example.lex.other"] {
        let refused = app.refresh_for(&pds, &refresh, wider).await;
        assert_eq!(refused.error(), (400, "invalid_scope"), "{wider}");
    }
    assert_eq!(app.try_push(&pds, &[]).await.error(), (400, "invalid_scope"));
    let less = app.refresh_for(&pds, &refresh, "atproto repo:com.example.own").await;
    assert_eq!(scopes(&less), scopes_of("atproto repo:com.example.own"));

    // It is there again, and holds less.
    take_down(false).await;
    let author = author.sign_in(&pds, PASSWORD).await;
    publish(&author, &["com.example.lex.note"]).await;
    world.clock().advance(2 * MINUTE);
    let anew = app.refresh(&pds, &pair(&less).1).await;
    assert_eq!(scopes(&anew), scopes_of("atproto repo:com.example.lex.note repo:com.example.own"));
}

/// The scopes of an answer, in whatever order they come.
fn scopes(answer: &AppAnswer) -> BTreeSet<String> {
    scopes_of(&answer.text("scope"))
}

fn scopes_of(text: &str) -> BTreeSet<String> {
    text.split(' ').map(str::to_owned).collect()
}
