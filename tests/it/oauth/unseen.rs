//! The answers that an app gets without a page: RFC 6749 §4.1.2.1, RFC 9207, OpenID Connect Core §3.1.2.6.

use cairn_tests::{Browser, OAuthApp, World};
use serde_json::json;

use super::{MINUTE, signed_in, tokens};

/// Who is signed in when an app asks for no page, and what it is told.
struct Row {
    name: &'static str,
    signed_in: &'static [&'static str],
    params: &'static [(&'static str, &'static str)],
    error: &'static str,
}

const ROWS: &[Row] = &[
    Row { name: "nobody", signed_in: &[], params: &[], error: "login_required" },
    Row {
        name: "somebody else",
        signed_in: &["bob"],
        params: &[("login_hint", "alice.test")],
        error: "login_required",
    },
    Row {
        name: "longer ago than the app allows",
        signed_in: &["alice"],
        params: &[("max_age", "30")],
        error: "login_required",
    },
    Row {
        name: "two",
        signed_in: &["alice", "bob"],
        params: &[],
        error: "account_selection_required",
    },
    Row {
        name: "somebody who has not agreed",
        signed_in: &["bob"],
        params: &[],
        error: "consent_required",
    },
    Row {
        name: "somebody who has agreed to less",
        signed_in: &["alice"],
        params: &[("scope", "atproto transition:email")],
        error: "consent_required",
    },
];

#[tokio::test]
async fn each_answer_without_a_page_has_its_error() {
    let world = World::start().await;
    let app = OAuthApp::hosted(&world, "atproto transition:email", json!({})).await;
    let trusted = app.client_id.clone();
    let pds = world.pds_with(move |config| config.oauth_trusted_clients = vec![trusted]).await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    let atproto = ("scope", "atproto");
    let mut browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &[atproto]).await;
    tokens(&pds, &app, &mut browser, &pushed).await.ok();

    for row in ROWS {
        let mut browser = signed_in(&pds, row.signed_in).await;
        let mut params = vec![("prompt", "none")];
        params.extend(row.params);
        if !row.params.iter().any(|(name, _)| *name == "scope") {
            params.push(atproto);
        }
        let pushed = app.push(&pds, &params).await;
        let view = browser.get(&pushed.page).await;
        assert_eq!(app.refusal(&pds, &view), row.error, "{}", row.name);
        // It was answered, and that is all.
        let again = browser.get(&pushed.page).await;
        assert_eq!((again.status, again.location.as_str()), (400, ""), "{}", row.name);
    }

    let silent = [("prompt", "none"), atproto];
    let mut browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &silent).await;
    let view = browser.get(&pushed.page).await;
    let code = app.code(&pds, &view);
    app.exchange(&pds, &pushed, &code).await.ok();
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    // Deactivation has taken the consent back as well; signing in again comes first.
    pds.world.clock().advance(MINUTE);
    let mut browser: Browser = signed_in(&pds, &["alice"]).await;
    let pushed = app.push(&pds, &silent).await;
    let view = browser.get(&pushed.page).await;
    assert_eq!(app.refusal(&pds, &view), "interaction_required");
}
