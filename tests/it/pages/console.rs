//! The operator's console.

use cairn_server::config::SignUp;
use cairn_tests::{ADMIN_PASSWORD, Browser, PASSWORD, TestPds};
use serde_json::json;

use super::sign_in;

/// A browser in which the operator is signed in.
pub async fn operator(pds: &TestPds) -> Browser {
    let mut browser = Browser::new(pds);
    let view = browser.fill("/admin/sign-in", &[("password", ADMIN_PASSWORD)]).await;
    assert_eq!((view.status, view.location.as_str()), (303, "/admin"), "{view:?}");
    browser
}

/// What the log says, newest first.
pub async fn log(browser: &mut Browser) -> String {
    browser.get("/admin/log").await.html
}

#[tokio::test]
async fn nobody_else_does_anything() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let base = format!("/admin/accounts/{}", alice.did);
    let acts = [
        "change-handle",
        "change-email",
        "mail-reset",
        "set-password",
        "sign-out",
        "stop-invites",
        "allow-invites",
        "restore",
        "activate",
        "deactivate",
        "take-down",
        "delete",
        "limits",
    ];
    let mut paths: Vec<String> = acts.iter().map(|act| format!("{base}/{act}")).collect();
    paths.extend([
        format!("/admin/approvals/{}/approve", alice.did),
        format!("/admin/approvals/{}/reject", alice.did),
        "/admin/accounts/new".to_owned(),
        "/admin/invites".to_owned(),
        "/admin/invites/x/disable".to_owned(),
        "/admin/moderation/record".to_owned(),
        "/admin/relays/0/ask".to_owned(),
        "/admin/relays/0/look".to_owned(),
        "/admin/subscribers/1/hang-up".to_owned(),
        "/admin/settings/checks".to_owned(),
        "/admin/outbox/test".to_owned(),
    ]);
    let fields =
        [("reason", "spam"), ("password", "another one"), ("name", "alice.test"), ("count", "1")];
    // With a form of ours, but not the operator.
    let mut stranger = Browser::new(&pds);
    stranger.get("/admin/sign-in").await;
    for path in &paths {
        let view = stranger.submit(path, &fields).await;
        assert_eq!(view.status, 303, "{path}: {view:?}");
        assert!(view.location.starts_with("/admin/sign-in"), "{path}: {view:?}");
    }
    // The operator, but with a form of another browser.
    let mut forged = operator(&pds).await;
    forged.get("/admin").await;
    let mut other = Browser::new(&pds);
    other.get("/admin/sign-in").await;
    other.cookies = forged.cookies.clone();
    for path in &paths {
        // The page that says so has a good form again.
        let view = other.clone().submit(path, &fields).await;
        assert_eq!(view.status, 403, "{path}: {view:?}");
    }
    for page in [
        "/admin",
        "/admin/figures",
        "/admin/outbox",
        "/admin/accounts",
        "/admin/approvals",
        "/admin/invites",
        "/admin/log",
    ] {
        let view = stranger.get(page).await;
        assert!(view.location.starts_with("/admin/sign-in?next=%2Fadmin"), "{page}: {view:?}");
    }
    assert!(log(&mut forged).await.contains("Nothing yet"));
    assert_eq!(sign_in(&mut Browser::new(&pds), "alice.test").await.status, 303);
}

#[tokio::test]
async fn accounts_are_found_and_shown() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    alice.blob("text/plain", "twelve bytes").await;
    let mut browser = operator(&pds).await;
    let all = browser.get("/admin/accounts").await;
    assert!(all.has("alice.test") && all.has("bob.test"));
    for beginning in ["ali", "@ALICE.t", "alice@mail", alice.did.as_str()] {
        let found = browser.get(&format!("/admin/accounts?q={beginning}")).await;
        assert!(found.has("alice.test") && !found.has("bob.test"), "{beginning}");
    }
    assert!(browser.get("/admin/accounts?q=zzz").await.has("No account begins like this"));
    assert_eq!(browser.get("/admin/accounts?after=x").await.status, 400);
    let view = browser.get(&format!("/admin/accounts/{}", alice.did)).await;
    for shown in [alice.did.as_str(), "alice.test", "alice@mail.test", "not confirmed", "12 B"] {
        assert!(view.has(shown), "{shown}: {view:?}");
    }
    assert!(view.has("<dd>1 session</dd>") && view.has("Number of blobs: 1"), "{view:?}");
    for nobody in ["/admin/accounts/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "/admin/accounts/x"] {
        assert_eq!(browser.get(nobody).await.status, 404);
    }
    // What programs read stays where it is.
    let usage = pds.admin().page(&format!("/admin/api/accounts/{}/usage", alice.did)).await;
    assert_eq!(usage.json()["blobBytes"], 12);
}

#[tokio::test]
async fn an_account_is_taken_down_with_a_reason_and_restored() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let base = format!("/admin/accounts/{}", alice.did);
    let path = format!("{base}/take-down");
    let view = browser.fill(&path, &[("reason", " ")]).await;
    assert!(view.error("reason").starts_with("Say why"));
    let view = browser.fill(&path, &[("reason", "<b>spam")]).await;
    let view = browser.follow(&view).await;
    assert!(view.has("The account is taken down.") && view.has("&#60;b&#62;spam"), "{view:?}");
    let repo = [("did", alice.did.as_str())];
    let shown = pds.anyone.query("com.atproto.sync.getLatestCommit", &repo).await;
    assert_eq!(shown.error().1, "RepoTakendown");
    let status = pds.admin().query("com.atproto.admin.getSubjectStatus", &repo).await.ok();
    assert_eq!(status["takedown"]["ref"], "<b>spam");
    // What is so already leads back.
    assert_eq!(browser.get(&path).await.location, base);
    let view = browser.fill(&format!("{base}/restore"), &[("reason", "a mistake")]).await;
    assert_eq!(view.location, base);
    pds.anyone.query("com.atproto.sync.getLatestCommit", &repo).await.ok();
    let log = log(&mut browser).await;
    assert!(log.find("Restored").unwrap() < log.find("Taken down").unwrap());
    assert!(log.contains("a mistake") && log.contains("&#60;b&#62;spam"));
}

#[tokio::test]
async fn an_account_is_deactivated_and_activated() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let base = format!("/admin/accounts/{}", alice.did);
    let repo = [("did", alice.did.as_str())];
    browser.fill(&format!("{base}/deactivate"), &[]).await;
    let hidden = pds.anyone.query("com.atproto.sync.getLatestCommit", &repo).await;
    assert_eq!(hidden.error().1, "RepoDeactivated");
    let view = browser.fill(&format!("{base}/activate"), &[]).await;
    assert!(browser.follow(&view).await.has("The account is live."));
    pds.anyone.query("com.atproto.sync.getLatestCommit", &repo).await.ok();
}

#[tokio::test]
async fn passwords_are_set_or_mailed_and_sessions_end() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let base = format!("/admin/accounts/{}", alice.did);
    let refreshed =
        async || alice.refresher().poke("com.atproto.server.refreshSession").await.status;
    browser.fill(&format!("{base}/mail-reset"), &[]).await;
    assert!(!pds.mailed_code("alice@mail.test").is_empty());

    let mut hers = Browser::new(&pds);
    sign_in(&mut hers, "alice.test").await;
    let overview = format!("/account/u/{}", alice.did);
    assert_eq!(hers.get(&overview).await.status, 200);
    browser.fill(&format!("{base}/sign-out"), &[]).await;
    assert_eq!((hers.get(&overview).await.status, refreshed().await), (303, 400));

    let path = format!("{base}/set-password");
    assert!(browser.fill(&path, &[]).await.error("password").starts_with("Choose"));
    let view = browser.fill(&path, &[("password", &"x".repeat(300))]).await;
    assert_eq!(view.error("password"), "A password has at most 256 characters.");
    assert!(!view.has("xxxx"), "a password does not come back");
    browser.fill(&path, &[("password", "another password")]).await;
    let mut hers = Browser::new(&pds);
    assert_eq!(sign_in(&mut hers, "alice.test").await.status, 422);
    let input = json!({ "identifier": "alice.test", "password": "another password" });
    pds.anyone.call("com.atproto.server.createSession", input).await.ok();
    let log = log(&mut browser).await;
    assert!(
        ["Reset code mailed", "Signed out everywhere", "Password set"]
            .iter()
            .all(|act| log.contains(act))
    );
    assert!(!log.contains("another password"));
}

#[tokio::test]
async fn an_account_is_deleted_once_its_name_is_typed() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let path = format!("/admin/accounts/{}/delete", alice.did);
    for typed in ["", "bob.test", "alice"] {
        let view = browser.fill(&path, &[("name", typed)]).await;
        assert_eq!(view.error("name"), "Type exactly this: alice.test");
    }
    let view = browser.fill(&path, &[("name", "alice.test")]).await;
    assert_eq!(view.location, "/admin/accounts");
    assert!(browser.follow(&view).await.has("The account is deleted."));
    assert_eq!(browser.get(&path).await.status, 404);
    assert!(log(&mut browser).await.contains("Deleted"));
}

#[tokio::test]
async fn limits_and_invites_of_an_account_change() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let base = format!("/admin/accounts/{}", alice.did);
    let limits = format!("{base}/limits");
    for wrong in ["-1", "many", "99999999999999999999"] {
        let view = browser.fill(&limits, &[("repo", wrong), ("blobs", "")]).await;
        assert!(view.error("repo").starts_with("Type a whole number"), "{wrong}");
    }
    browser.fill(&limits, &[("repo", "2"), ("blobs", "0")]).await;
    let usage = pds.admin().page(&format!("/admin/api/accounts/{}/usage", alice.did)).await.json();
    assert_eq!(usage["ownQuotas"], json!({ "repoBytes": 2 << 20, "blobBytes": 0 }));
    assert_eq!(browser.get(&limits).await.field("repo"), "2");
    browser.fill(&format!("{base}/stop-invites"), &[("reason", "enough")]).await;
    let view = browser.get(&base).await;
    assert!(view.has("gets no more") && view.has("enough"), "{view:?}");
    browser.fill(&format!("{base}/allow-invites"), &[("reason", "")]).await;
    assert!(!browser.get(&base).await.has("gets no more"));
}

#[tokio::test]
async fn codes_are_made_used_by_their_link_and_disabled() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Invite).await;
    let mut browser = operator(&pds).await;
    for (count, uses, field) in [("0", "1", "count"), ("101", "1", "count"), ("1", "x", "uses")] {
        let view = browser.fill("/admin/invites", &[("count", count), ("uses", uses)]).await;
        assert!(view.error(field).starts_with("Type a number from 1 to"));
    }
    browser.fill("/admin/invites", &[("count", "2"), ("uses", "1")]).await;
    let view = browser.get("/admin/invites").await;
    assert_eq!(view.html.matches("0 of 1 used").count(), 2, "{view:?}");
    let codes: Vec<&str> =
        view.html.split("/account/sign-up?invite=").skip(1).map(|rest| &rest[..21]).collect();
    let link = format!("/account/sign-up?invite={}", codes[0]);
    let mut newcomer = Browser::new(&pds);
    assert_eq!(newcomer.get(&link).await.field("invite"), codes[0]);
    let fields = [
        ("invite", codes[0]),
        ("handle", "alice"),
        ("domain", ".test"),
        ("email", "alice@mail.test"),
        ("password", PASSWORD),
    ];
    assert_eq!(newcomer.submit("/account/sign-up", &fields).await.status, 303);
    let path = format!("/admin/invites/{}/disable", codes[1]);
    let view = browser.fill(&path, &[]).await;
    assert!(browser.follow(&view).await.has("The code is disabled."));
    let view = browser.get("/admin/invites").await;
    assert!(view.has("1 of 1 used") && view.has("used by") && view.has(">disabled<"), "{view:?}");
    let second = [("invite", codes[1]), ("handle", "bob"), ("domain", ".test")];
    let view = Browser::new(&pds).fill("/account/sign-up", &second).await;
    assert_eq!(view.status, 422);
    assert!(!view.error("invite").is_empty());
    let log = log(&mut browser).await;
    assert!(log.contains("Invite codes made") && log.contains("Invite codes disabled"));
}

#[tokio::test]
async fn who_asks_for_an_account_is_approved_or_turned_away() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Approval).await;
    for name in ["alice", "bob"] {
        let fields = [
            ("handle", name),
            ("domain", ".test"),
            ("email", &format!("{name}@mail.test")),
            ("password", PASSWORD),
        ];
        let view = Browser::new(&pds).fill("/account/sign-up", &fields).await;
        assert_eq!(view.location, "/account/sign-up/waiting", "{view:?}");
    }
    let mut browser = operator(&pds).await;
    assert!(browser.get("/admin").await.has("2 waiting for your approval"));
    let view = browser.get("/admin/approvals").await;
    let bases: Vec<String> = view
        .html
        .split("action=\"/admin/approvals/")
        .skip(1)
        .map(|rest| format!("/admin/approvals/{}", rest.split('/').next().unwrap()))
        .collect();
    assert_eq!(bases.len(), 2);
    let view = browser.submit(&format!("{}/approve", bases[0]), &[]).await;
    assert!(browser.follow(&view).await.has("The account is made"));
    assert_eq!(sign_in(&mut Browser::new(&pds), "alice.test").await.status, 303);
    let reject = format!("{}/reject", bases[1]);
    assert!(browser.get(&reject).await.has("bob.test"));
    let view = browser.submit(&reject, &[]).await;
    assert!(browser.follow(&view).await.has("Nobody waits"));
    let again = browser.submit(&reject, &[]).await;
    assert!(browser.follow(&again).await.has("Nobody waits under this name any more."));
    let log = log(&mut browser).await;
    assert!(log.contains("Approved") && log.contains("Rejected"));
}

#[tokio::test]
async fn the_methods_of_programs_are_in_the_log_too() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let admin = pds.admin();
    let subject = json!({ "$type": "com.atproto.admin.defs#repoRef", "did": alice.did });
    let takedown = json!({ "applied": true, "ref": "case 7" });
    let input = json!({ "subject": subject, "takedown": takedown });
    admin.call("com.atproto.admin.updateSubjectStatus", input).await.ok();
    let input = json!({ "account": alice.did, "email": "new@mail.test" });
    admin.call("com.atproto.admin.updateAccountEmail", input).await.ok();
    admin.call("com.atproto.server.createInviteCode", json!({ "useCount": 3 })).await.ok();
    let mut browser = operator(&pds).await;
    let log = log(&mut browser).await;
    for shown in ["case 7", "E-mail address changed", "Invite codes made", "each good 3 times"] {
        assert!(log.contains(shown), "{shown}: {log}");
    }
    assert!(!log.contains("new@mail.test"), "the log outlives the account");
}

#[tokio::test]
async fn the_overview_counts() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bob").await;
    alice.blob("text/plain", "twelve bytes").await;
    let mut browser = operator(&pds).await;
    browser.fill(&format!("/admin/accounts/{}/deactivate", alice.did), &[]).await;
    let view = browser.get("/admin").await;
    for shown in ["<b>2</b>", "Active <b>1</b>", "Deactivated <b>1</b>", ">\u{2066}12 B\u{2069}<"] {
        assert!(view.has(shown), "{shown}: {view:?}");
    }
    assert!(view.has("x=\"500\" width=\"500\""), "{view:?}");
    assert!(view.has("Nothing at the moment."), "{view:?}");
}

#[tokio::test]
async fn figures_are_drawn_with_their_numbers_beside_them() {
    let pds = TestPds::start().await;
    pds.account("alice").await.post("hello").await;
    let mut browser = operator(&pds).await;
    for (page, point) in [("/admin", "per minute"), ("/admin?span=day", "per 15 minutes")] {
        let view = browser.get(page).await;
        assert_eq!(view.html.matches("<svg class=\"chart\"").count(), 10, "{page}");
        assert!(view.has(&format!("Events {point}")) && view.has("<table>"), "{page}");
        assert!(!view.has("style=\"") && view.has("/charts.js"), "{page}");
    }
    // One failure among many refusals is a chart of its own.
    assert!(browser.get("/admin").await.has("Failed per minute"));
    let fragment = browser.get("/admin/figures").await;
    assert!(fragment.html.starts_with("<div class=\"charts\">"), "{fragment:?}");
}

#[tokio::test]
async fn mail_that_waits_is_read_and_the_way_of_mail_is_tested() {
    let pds = TestPds::start_with_mailer(std::sync::Arc::new(cairn_server::mail::NoMailer)).await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    assert!(browser.get("/admin/outbox").await.has("Nothing waits"));
    browser.fill(&format!("/admin/accounts/{}/mail-reset", alice.did), &[]).await;
    let view = browser.get("/admin").await;
    assert!(view.has("1 not sent by mail") && !view.has("Nothing at the moment."), "{view:?}");
    let view = browser.get("/admin/outbox").await;
    assert!(view.has("alice@mail.test") && view.has("no way to send mail is configured"));
    let view = browser.fill("/admin/outbox/test", &[("to", "nobody")]).await;
    assert!(view.error("to").starts_with("Type the address"));
    let view = browser.fill("/admin/outbox/test", &[("to", "me@mail.test")]).await;
    assert!(view.status == 200 && view.has("The message was not sent."), "{view:?}");
    assert!(view.has("no way to send mail is configured"));
    let log = log(&mut browser).await;
    assert!(log.contains("Test message sent") && !log.contains("me@mail.test"));
}
