//! What the operator does for accounts in the console: names and addresses, and new accounts.

use std::sync::Arc;
use std::time::Duration;

use cairn_server::config::SignUp;
use cairn_server::mail::NoMailer;
use cairn_tests::{Browser, DirectoryFault, PASSWORD, TestAccount, TestPds};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::console::{log, operator};
use super::sign_in;

fn act(account: &TestAccount, name: &str) -> String {
    format!("/admin/accounts/{}/{name}", account.did)
}

async fn described(pds: &TestPds, account: &TestAccount) -> String {
    let params = [("repo", account.did.as_str())];
    let found = pds.anyone.query("com.atproto.repo.describeRepo", &params).await.ok();
    found["handle"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_operator_changes_a_handle() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bobby").await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-handle");
    assert_eq!(browser.get(&path).await.field("handle"), "alice.test");
    for (typed, error) in [
        ("", "A handle is made of letters"),
        ("a b", "A handle is made of letters"),
        ("al", "A handle has at least 3"),
        ("bobby", "Somebody has this handle already"),
        ("Alice", "The account has this handle already"),
        ("alice.example.com", "This domain does not name the account. It must say did:plc:"),
    ] {
        let view = browser.submit(&path, &[("handle", typed)]).await;
        assert!(view.error("handle").starts_with(error), "{typed}: {view:?}");
        assert_eq!(view.field("handle"), typed);
    }
    assert!(log(&mut browser).await.contains("Nothing yet"));

    // Reserved names are the operator's to give.
    for (typed, handle) in
        [("@Support", "support.test"), ("alice.example.com", "alice.example.com")]
    {
        pds.world.set_handle("alice.example.com", alice.did.as_str());
        let view = browser.fill(&path, &[("handle", typed)]).await;
        let view = browser.follow(&view).await;
        assert!(view.has("The handle is changed.") && view.has(handle), "{view:?}");
        assert_eq!(described(&pds, &alice).await, handle);
        let data = pds.world.plc().get_data(&alice.did).await.unwrap();
        assert_eq!(data.also_known_as, [format!("at://{handle}")]);
    }
    let log = log(&mut browser).await;
    assert_eq!(log.matches("Handle changed").count(), 2);
}

#[tokio::test]
async fn a_handle_is_changed_to_the_end_when_the_operator_leaves() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-handle");
    browser.get(&path).await;
    pds.world.fault_directory(Some(DirectoryFault::Dawdles(Duration::from_secs(3))));
    let asked = browser.submit(&path, &[("handle", "alicia")]);
    timeout(Duration::from_secs(1), asked).await.unwrap_err();
    pds.world.fault_directory(None);
    timeout(Duration::from_secs(20), async {
        while described(&pds, &alice).await != "alicia.test" {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alicia.test"]);
    timeout(Duration::from_secs(5), async {
        while !log(&mut browser).await.contains("Handle changed") {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn nothing_changes_while_the_directory_is_away() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-handle");
    browser.get(&path).await;
    pds.world.stop_directory().await;
    let view = browser.submit(&path, &[("handle", "alicia")]).await;
    assert!(view.status == 422 && view.has("so nothing was changed"), "{view:?}");
    assert!(log(&mut browser).await.contains("Nothing yet"));
}

#[tokio::test]
async fn the_operator_changes_an_address() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.account("bobby").await;
    alice.confirm_email(&pds).await;
    let mut browser = operator(&pds).await;
    let path = act(&alice, "change-email");
    assert_eq!(browser.get(&path).await.field("email"), "alice@mail.test");
    for (typed, error) in [
        ("", "This is not an e-mail address"),
        ("alice", "This is not an e-mail address"),
        ("Alice@mail.test", "The account has this address already"),
        ("bobby@mail.test", "Another account has this address"),
    ] {
        let view = browser.submit(&path, &[("email", typed)]).await;
        assert!(view.error("email").starts_with(error), "{typed}: {view:?}");
    }
    let view = browser.fill(&path, &[("email", " New@Mail.test")]).await;
    let view = browser.follow(&view).await;
    for said in ["The address is changed.", "new@mail.test", "not confirmed"] {
        assert!(view.has(said), "{said}: {view:?}");
    }
    // Whoever has shown to read the address before hears of it.
    pds.letter("alice@mail.test", "Your e-mail address was changed").await;
    let log = log(&mut browser).await;
    assert!(log.contains("E-mail address changed") && !log.contains("new@mail.test"), "{log}");
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(session["email"], json!("new@mail.test"));
    assert_eq!(session["emailConfirmed"], json!(false));
}

const NEW: &str = "/admin/accounts/new";

#[tokio::test]
async fn the_operator_makes_an_account_with_a_password_that_is_shown_once() {
    for rule in [SignUp::Closed, SignUp::Invite, SignUp::Approval] {
        let pds = TestPds::start_with(|config| config.sign_up = rule).await;
        let mut browser = operator(&pds).await;
        assert!(browser.get("/admin/accounts").await.has(NEW));
        let fields = [("handle", "Carol"), ("email", "Carol@mail.test"), ("kind", "made")];
        let view = browser.fill(NEW, &fields).await;
        assert!(view.status == 200 && view.has("The account is made"), "{view:?}");
        let (_, after) = view.html.split_once("id=\"password\"").unwrap();
        let password = after.split(['>', '<']).nth(1).unwrap();
        assert_eq!(password.len(), 19, "{password}");
        let input = json!({ "identifier": "carol.test", "password": password });
        let session = pds.anyone.call("com.atproto.server.createSession", input).await.ok();
        assert_eq!(session["email"], "carol@mail.test");
        assert_eq!(session["active"], true);
        let log = log(&mut browser).await;
        assert!(log.contains("Created") && log.contains(session["did"].as_str().unwrap()));
        assert!(!log.contains(password) && !log.contains("carol@mail.test"));
        let account = format!("/admin/accounts/{}", session["did"].as_str().unwrap());
        assert!(!browser.get(&account).await.has(password));
    }
}

#[tokio::test]
async fn the_owner_of_a_new_account_chooses_a_password_by_mail() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Closed).await;
    let mut browser = operator(&pds).await;
    let fields = [("handle", "support.test"), ("email", "carol@mail.test"), ("kind", "mailed")];
    let view = browser.fill(NEW, &fields).await;
    let view = browser.follow(&view).await;
    assert!(
        view.has("a letter to its owner is on its way") && view.has("support.test"),
        "{view:?}"
    );
    let letter = pds.letter("carol@mail.test", "Your new account").await;
    let (_, path) = letter.text.split_once(pds.url()).unwrap();
    let path = path.split_whitespace().next().unwrap();
    // Hours later, too: the code comes from the page.
    let mut hers = Browser::new(&pds);
    let view = hers.get(path).await;
    assert_eq!(view.field("username"), "support.test");
    hers.submit("/account/reset-password", &[("username", "support.test")]).await;
    pds.letter("carol@mail.test", "Password Reset Requested").await;
    let code = pds.mailed_code("carol@mail.test");
    let confirm = "/account/reset-password/confirm";
    let view = hers.fill(confirm, &[("code", code.as_str()), ("password", PASSWORD)]).await;
    assert_eq!(view.location, "/account/sign-in", "{view:?}");
    assert_eq!(sign_in(&mut hers, "support.test").await.status, 303);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_account_stands_beside_its_field() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Closed).await;
    let alice = json!({ "handle": "alice.test", "email": "alice@mail.test", "password": PASSWORD });
    pds.admin().call("com.atproto.server.createAccount", alice).await.ok();
    let mut browser = operator(&pds).await;
    let good = [("handle", "carol"), ("email", "carol@mail.test"), ("kind", "given")];
    let with = |name: &'static str, value: &'static str| {
        let mut fields = good.to_vec();
        fields.push(("password", PASSWORD));
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value));
        fields
    };
    for (field, value, error) in [
        ("handle", "", "A handle is made of letters"),
        ("handle", "al", "A handle has at least 3"),
        ("handle", "alice", "Somebody has this handle already"),
        ("handle", "carol.example.com", "A new account begins with a name of this server"),
        ("email", "carol", "This is not an e-mail address"),
        ("email", "Alice@mail.test", "Another account has this address"),
        ("password", "", "Choose a password"),
        ("password", "short", "A password has at least 8"),
        ("kind", "", "Choose how the owner comes by"),
    ] {
        let view = browser.fill(NEW, &with(field, value)).await;
        assert!(view.error(field).starts_with(error), "{field} {value}: {view:?}");
        assert!(!view.has(PASSWORD), "a password does not come back");
    }
    for (typed, said) in
        [("alice", "Somebody has this handle already"), ("admin", "admin.test is free.")]
    {
        let said_now = browser.get(&format!("{NEW}/handle?handle={typed}")).await;
        assert!(said_now.status == 200 && said_now.has(said), "{typed}: {said_now:?}");
    }
    assert!(!log(&mut browser).await.contains("carol"));
    let view = browser.fill(NEW, &with("kind", "given")).await;
    assert!(browser.follow(&view).await.has("The account is made."));
    assert_eq!(sign_in(&mut Browser::new(&pds), "carol.test").await.status, 303);
}

#[tokio::test]
async fn no_account_is_made_while_the_directory_is_away() {
    let pds = TestPds::start().await;
    let mut browser = operator(&pds).await;
    browser.get(NEW).await;
    pds.world.stop_directory().await;
    let fields = [("handle", "carol"), ("email", "carol@mail.test"), ("kind", "made")];
    let view = browser.submit(NEW, &fields).await;
    assert!(view.status == 422 && view.has("so no account was made"), "{view:?}");
    assert!(log(&mut browser).await.contains("Nothing yet"));
}

#[tokio::test]
async fn the_list_of_accounts_says_how_many_there_are_and_leads_back() {
    let pds = TestPds::start().await;
    for name in ["alice", "bobby", "carol"] {
        pds.account(name).await;
    }
    let mut browser = operator(&pds).await;
    let bobby = browser.get("/admin/accounts?q=bobby").await;
    assert!(bobby.has("1 account found") && !bobby.has("First page"), "{bobby:?}");
    let (_, after) = bobby.html.split_once("href=\"/admin/accounts/did").unwrap();
    let base = format!("/admin/accounts/did{}", after.split('"').next().unwrap());
    browser.fill(&format!("{base}/deactivate"), &[]).await;
    for (query, count) in [
        ("", "3 accounts"),
        ("?status=active", "2 accounts found"),
        ("?status=deactivated", "1 account found"),
        ("?q=did:&status=active", "2 accounts found"),
    ] {
        let view = browser.get(&format!("/admin/accounts{query}")).await;
        assert!(view.has(count), "{query}: {view:?}");
    }
    let view = browser.get("/admin/accounts?status=active&order=newest&after=3").await;
    assert!(view.has("alice.test") && !view.has("carol.test"), "{view:?}");
    let first = "href=\"/admin/accounts?status=active&#38;order=newest\">First page";
    assert!(view.has(first), "{view:?}");
}

#[tokio::test]
async fn the_log_speaks_in_words() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    browser.fill("/admin/invites", &[("count", "2"), ("uses", "3")]).await;
    let fields = [("password", "another password"), ("app_passwords", "1")];
    browser.fill(&act(&alice, "set-password"), &fields).await;
    browser.fill(&act(&alice, "limits"), &[("repo", "2"), ("blobs", "")]).await;
    let log = log(&mut browser).await;
    for said in [
        "2 codes, each good 3 times",
        "operator",
        "app passwords, too",
        "Repository: \u{2066}2 MiB",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    // Accounts have their names as long as they are here.
    assert!(log.contains(">alice.test</a>"), "{log}");
    browser.fill(&act(&alice, "delete"), &[("name", "alice.test")]).await;
    let after = super::console::log(&mut browser).await;
    assert!(!after.contains("alice.test") && after.contains(alice.did.as_str()), "{after}");
    assert!(!after.contains("href=\"/admin/accounts/did"), "{after}");
    for raw in ["appPasswords", "repoBytes", "uses:", "make_invites", ">admin<"] {
        assert!(!log.contains(raw), "{raw}");
    }
}

#[tokio::test]
async fn what_is_refused_is_said_beside_its_field_in_the_readers_language() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    browser.cookies.insert("language".to_owned(), "fr".to_owned());
    let long = "x".repeat(2_001);
    let view = browser.fill(&act(&alice, "take-down"), &[("reason", long.as_str())]).await;
    assert_eq!(view.error("reason"), "Au plus 2000 caractères.");
    let view = browser.fill(&act(&alice, "set-password"), &[("password", &long[..300])]).await;
    assert!(view.error("password").contains("256"), "{view:?}");
}

#[tokio::test]
async fn mail_that_waits_says_so_and_why_in_the_readers_language() {
    let pds = TestPds::start_with_mailer(Arc::new(NoMailer)).await;
    let alice = pds.account("alice").await;
    let mut browser = operator(&pds).await;
    let view = browser.fill(&act(&alice, "mail-reset"), &[]).await;
    let view = browser.follow(&view).await;
    assert!(view.has("It waits on the page “Mail”"), "{view:?}");
    let fields = [("handle", "carol"), ("email", "carol@mail.test"), ("kind", "mailed")];
    let view = browser.fill(NEW, &fields).await;
    assert!(browser.follow(&view).await.has("hand over the letter that waits"));
    browser.cookies.insert("language".to_owned(), "fr".to_owned());
    let view = browser.get("/admin/outbox").await;
    assert!(view.has("aucun moyen d’envoyer du courriel"), "{view:?}");
    assert!(!view.has("no way to send mail"), "{view:?}");
}

#[tokio::test]
async fn nothing_there_is_said_in_words() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut hers = Browser::new(&pds);
    sign_in(&mut hers, "alice.test").await;
    let view = hers.get(&format!("/account/u/{}", alice.did)).await;
    for said in ["1 browser, 1 session of apps", "No app is connected", "None made so far"] {
        assert!(view.has(said), "{said}: {view:?}");
    }
    let mut browser = operator(&pds).await;
    browser.fill(&act(&alice, "sign-out"), &[]).await;
    let view = browser.get(&format!("/admin/accounts/{}", alice.did)).await;
    for said in ["nobody at the moment", "none: the password is enough"] {
        assert!(view.has(said), "{said}: {view:?}");
    }
    for count in ["0 sessions", "0 connected", "0 app passwords", "0 codes"] {
        assert!(!view.has(count), "{count}: {view:?}");
    }
}
