//! New accounts, forgotten passwords, confirmed addresses.

use cairn_server::config::SignUp;
use cairn_tests::{Browser, PASSWORD, TestPds};
use serde_json::json;

use super::{sign_in, signed_in};

const SIGN_UP: &str = "/account/sign-up";

fn alice() -> Vec<(&'static str, &'static str)> {
    vec![
        ("handle", "alice"),
        ("domain", ".test"),
        ("email", "Alice@mail.test"),
        ("password", PASSWORD),
    ]
}

fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = alice().into_iter().filter(|(known, _)| *known != name);
    others.chain([(name, value)]).collect()
}

#[tokio::test]
async fn people_sign_up_and_are_signed_in() {
    let pds = TestPds::start().await;
    let mut browser = Browser::new(&pds);
    let view = browser.fill(SIGN_UP, &alice()).await;
    assert!(view.location.starts_with("/account/u/did:plc:"), "{view:?}");
    let view = browser.follow(&view).await;
    assert!(view.has("alice.test") && view.has("Welcome!") && view.has("not confirmed"));
    // What is said once is said once.
    assert!(!browser.get("/account/u/alice.test").await.has("Welcome!"));
    let mut other = Browser::new(&pds);
    assert_eq!(sign_in(&mut other, "alice@mail.test").await.status, 303);
}

#[tokio::test]
async fn what_cannot_be_had_is_said_beside_its_field() {
    let pds = TestPds::start().await;
    pds.account("bob").await;
    let mut browser = Browser::new(&pds);
    for (name, value, error) in [
        ("handle", "", "A handle is made of letters"),
        ("handle", "al", "A handle has at least 3"),
        ("handle", "a.b.c", "A handle is made of letters"),
        ("handle", "admin", "This handle is not given out"),
        ("handle", "bob", "Somebody has this handle"),
        ("email", "", "This is not an e-mail address"),
        ("email", "alice@", "This is not an e-mail address"),
        ("email", "BOB@mail.test", "There is an account with this address"),
        ("password", "", "Choose a password"),
        ("password", "seven77", "A password has at least 8"),
    ] {
        let view = browser.fill(SIGN_UP, &with(name, value)).await;
        assert!(view.error(name).starts_with(error), "{name} {value}: {}", view.error(name));
        assert!(!view.has(PASSWORD));
    }
    let view = browser.fill(SIGN_UP, &with("handle", "<b>\"'")).await;
    assert!(view.has("&#60;b&#62;&#34;&#39;") && !view.has("<b>\"'"), "{view:?}");
    // Whether an address has an account is not told to who could not have one.
    let mut asked = with("email", "bob@mail.test");
    asked.retain(|(name, _)| *name != "password");
    asked.push(("password", "seven77"));
    let view = browser.fill(SIGN_UP, &asked).await;
    assert!(!view.has("There is an account with this address"), "{view:?}");
    let long = "x".repeat(300);
    let view = browser.fill(SIGN_UP, &with("password", &long)).await;
    assert!(view.error("password").starts_with("A password has at most"));
}

#[tokio::test]
async fn whether_a_handle_is_free_is_known_before_with_a_script_and_without() {
    let pds = TestPds::start().await;
    pds.account("bob").await;
    let mut browser = Browser::new(&pds);
    let asked = browser.get("/account/sign-up/handle?handle=Alice&domain=.test").await;
    assert!(asked.has("class=\"right\"") && asked.has("alice.test is free."), "{asked:?}");
    assert!(!asked.has("<html"));
    let asked = browser.get("/account/sign-up/handle?handle=bob&domain=.test").await;
    assert!(asked.has("class=\"wrong\"") && asked.has("Somebody has this handle"), "{asked:?}");
    let view = browser.fill(SIGN_UP, &[("handle", "carol"), ("check", "1")]).await;
    assert!(view.status == 200 && view.has("carol.test is free."), "{view:?}");
    assert_eq!(view.field("handle"), "carol");
}

#[tokio::test]
async fn the_operators_rule_decides_who_may_sign_up() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Closed).await;
    let mut browser = Browser::new(&pds);
    let view = browser.get(SIGN_UP).await;
    assert!(view.has("takes no new accounts") && !view.has("name=\"password\""), "{view:?}");
    assert!(!browser.get("/account/sign-in").await.has(SIGN_UP));
    assert_ne!(browser.submit(SIGN_UP, &alice()).await.status, 303);

    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Approval).await;
    let mut browser = Browser::new(&pds);
    assert_eq!(browser.fill(SIGN_UP, &alice()).await.location, "/account/sign-up/waiting");
    assert!(browser.get("/account/sign-up/waiting").await.has("waits for approval"));
    assert_eq!(sign_in(&mut browser, "alice").await.location, "/account/sign-up/waiting");
    let fields = [("username", "alice"), ("password", "wrong")];
    let view = browser.fill("/account/sign-in", &fields).await;
    assert!(view.error("password").starts_with("Name and password do not go together"));
    assert_ne!(browser.get("/account").await.status, 200);

    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Invite).await;
    let mut browser = Browser::new(&pds);
    let view = browser.fill(SIGN_UP, &alice()).await;
    assert!(view.error("invite").starts_with("This code is not good"));
    let input = json!({ "useCount": 1 });
    let made = pds.admin().call("com.atproto.server.createInviteCode", input).await;
    let code = made.ok()["code"].as_str().unwrap().to_owned();
    let view = browser.get(&format!("{SIGN_UP}?invite={code}")).await;
    assert_eq!(view.field("invite"), code);
    let view = browser.submit(SIGN_UP, &with("invite", &code)).await;
    assert_eq!(view.status, 303, "{view:?}");
}

#[tokio::test]
async fn no_account_is_made_while_the_directory_is_away() {
    let pds = TestPds::start().await;
    pds.world.stop_directory().await;
    let mut browser = Browser::new(&pds);
    let view = browser.fill(SIGN_UP, &alice()).await;
    assert!(view.status == 422 && view.has("The directory of identities does not answer"));
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut signed_in = signed_in(&pds, "alice.test").await;
    let mut browser = Browser::new(&pds);
    let page = "/account/reset-password";
    for name in ["nobody.test", "nobody@mail.test", "alice"] {
        let view = browser.fill(page, &[("username", name)]).await;
        assert_eq!(view.location, "/account/reset-password/confirm?sent=1", "{name}");
    }
    let code = loop {
        tokio::task::yield_now().await;
        let mut mail = pds.mail().into_iter();
        if let Some(mail) = mail.find(|mail| mail.subject == "Password Reset Requested") {
            assert!(mail.text.contains("/account/reset-password/confirm?code="), "{}", mail.text);
            break cairn_tests::code_in(&mail.text).unwrap();
        }
    };
    let confirm = format!("/account/reset-password/confirm?code={code}");
    let view = browser.get(&confirm).await;
    assert_eq!(view.field("code"), code);
    let to = "/account/reset-password/confirm";
    let view = browser.submit(to, &[("code", &code), ("password", "short")]).await;
    assert!(view.error("password").starts_with("A password has at least 8"));
    let view = browser.submit(to, &[("code", "AAAAA-AAAAA"), ("password", "long enough")]).await;
    assert!(view.error("code").starts_with("This is not the newest code"));
    let view = browser.submit(to, &[("code", &code), ("password", "long enough")]).await;
    assert_eq!(view.location, "/account/sign-in");
    assert!(browser.follow(&view).await.has("The new password is set."));
    let fields = [("username", "alice"), ("password", "long enough")];
    assert_eq!(browser.submit("/account/sign-in", &fields).await.status, 303);
    // Every other browser is out.
    assert_eq!(signed_in.get(&format!("/account/u/{}", alice.did)).await.status, 303);
}

#[tokio::test]
async fn an_address_is_confirmed_by_the_link_and_a_button() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.poke("com.atproto.server.requestEmailConfirmation").await.ok();
    let code = pds.mailed_code("alice@mail.test");
    let page = format!("/account/confirm-email?account={}&code={code}", alice.did);
    assert!(pds.mail().iter().any(|mail| mail.text.contains(&page)), "the mail has the link");
    let confirmed = async || {
        let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
        session["emailConfirmed"] == true
    };
    let mut browser = Browser::new(&pds);
    let view = browser.get(&page).await;
    assert_eq!((view.status, view.field("code")), (200, code.clone()));
    assert!(!confirmed().await, "looking changes nothing");
    let to = "/account/confirm-email";
    for (account, code) in
        [(alice.did.as_str(), "AAAAA-AAAAA"), ("did:plc:nobody", &code), ("", &code)]
    {
        let view = browser.submit(to, &[("account", account), ("code", code)]).await;
        assert!(view.error("code").starts_with("This is not the newest code"), "{account}");
    }
    browser.submit(to, &[("account", alice.did.as_str()), ("code", &code)]).await;
    assert!(confirmed().await);
}

#[tokio::test]
async fn the_front_page_says_who_may_join_and_leads_there() {
    for (sign_up, said, may_join) in [
        (SignUp::Open, "open to everybody", true),
        (SignUp::Invite, "with an invite code", true),
        (SignUp::Closed, ">closed<", false),
    ] {
        let pds = TestPds::start_with(|config| config.sign_up = sign_up).await;
        let view = Browser::new(&pds).get("/").await;
        assert!(view.has(said), "{said}: {view:?}");
        for way in ["href=\"/account/sign-up\"", "href=\"/account/move-in\""] {
            assert_eq!(view.has(way), may_join, "{said}, {way}: {view:?}");
        }
    }
}
