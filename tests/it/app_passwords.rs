//! App passwords that are held to scopes.

use cairn_tests::{StandIn, TestAccount, TestPds, World, post};
use reqwest::Method;
use serde_json::{Value, json};

const MAKE: &str = "com.atproto.server.createAppPassword";
const UNKNOWN: &str = "app.bsky.feed.searchPosts";
const MISSING: (u16, &str) = (403, "ScopeMissingError");

async fn scoped(pds: &TestPds, account: &TestAccount, scopes: &[&str]) -> TestAccount {
    let input = json!({ "name": format!("app {}", scopes.join(" ")), "scopes": scopes });
    let made = account.call(MAKE, input).await.ok();
    account.sign_in(pds, made["password"].as_str().unwrap()).await
}

fn like() -> Value {
    json!({
        "$type": "app.bsky.feed.like", "createdAt": "2026-11-23T10:00:00.000Z",
        "subject": { "uri": "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3k2aaaaaaaaaa",
            "cid": "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a" },
    })
}

/// A bot's session may post and upload pictures.
async fn assert_is_the_bots(bot: &TestAccount) {
    bot.create("app.bsky.feed.post", post("beep")).await.ok();
    bot.blob("image/png", "bytes").await;
    let refused = bot.create("app.bsky.feed.like", like()).await;
    assert_eq!(refused, MISSING);
    assert_eq!(
        refused.message(),
        "Missing required scope \"repo:app.bsky.feed.like?action=create\""
    );
    assert_eq!(bot.delete("app.bsky.feed.post", "3k2aaaaaaaaaa").await, MISSING);
    assert_eq!(bot.put("app.bsky.feed.post", "3k2aaaaaaaaaa", post("x")).await, MISSING);
    assert_eq!(bot.upload("com.atproto.repo.uploadBlob", "text/plain", "bytes").await, MISSING);
    assert_eq!(bot.query("app.bsky.actor.getPreferences", &[]).await, MISSING);
    let handle = json!({ "handle": "new.test" });
    assert_eq!(bot.call("com.atproto.identity.updateHandle", handle).await, MISSING);
    assert_eq!(bot.query(UNKNOWN, &[]).await.status, 400, "there is no service to ask");
    let auth = [("aud", "did:web:a.example#svc"), ("lxm", "com.example.method")];
    assert_eq!(bot.query("com.atproto.server.getServiceAuth", &auth).await, MISSING);

    let forbidden = (403, "Forbidden");
    assert_eq!(bot.query("com.atproto.server.listAppPasswords", &[]).await, forbidden);
    let name = json!({ "name": "other" });
    assert_eq!(bot.call("com.atproto.server.revokeAppPassword", name.clone()).await, forbidden);
    assert_eq!(bot.call(MAKE, name).await, (400, "InvalidToken"));
    let deactivate = bot.call("com.atproto.server.deactivateAccount", json!({})).await;
    assert_eq!(deactivate, (400, "InvalidToken"));
}

#[tokio::test]
async fn an_app_password_with_scopes_may_do_what_they_say_and_no_more() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let scopes = ["blob:image/*", "repo?collection=app.bsky.feed.post&action=create"];
    let made = alice.call(MAKE, json!({ "name": "bot", "scopes": scopes })).await.ok();
    let kept = json!(["atproto", "repo:app.bsky.feed.post?action=create", "blob:image/*"]);
    assert_eq!((&made["scopes"], &made["privileged"]), (&kept, &json!(false)));
    alice.call(MAKE, json!({ "name": "phone" })).await.ok();
    let listed = alice.query("com.atproto.server.listAppPasswords", &[]).await.ok();
    for password in listed["passwords"].as_array().unwrap() {
        let is_bot = password["name"] == "bot";
        assert_eq!(password.get("scopes"), is_bot.then_some(&kept), "{password}");
    }

    let bot = alice.sign_in(&pds, made["password"].as_str().unwrap()).await;
    assert_is_the_bots(&bot).await;
    let again = bot.refresher().poke("com.atproto.server.refreshSession").await.ok();
    let again = TestAccount::from_session(&pds, &again);
    assert_is_the_bots(&again).await;

    // Tokens that are out stay good until they expire, for what they were good for.
    let name = json!({ "name": "bot" });
    alice.call("com.atproto.server.revokeAppPassword", name).await.ok();
    let refused = again.refresher().poke("com.atproto.server.refreshSession").await;
    assert_eq!(refused, (400, "ExpiredToken"));
    assert_is_the_bots(&again).await;
    alice.call(MAKE, json!({ "name": "bot", "privileged": true })).await.ok();
    assert_is_the_bots(&again).await;
}

#[tokio::test]
async fn scopes_that_are_not_taken_are_named() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for scope in ["repo", "nonsense", "include:com.example.set", "transition:generic", "identity:*"]
    {
        let scopes = ["blob:image/*", scope];
        let refused = alice.call(MAKE, json!({ "name": "bot", "scopes": scopes })).await;
        assert_eq!(refused, (400, "InvalidRequest"), "{scope}");
        assert!(refused.message().starts_with(&format!("scope \"{scope}\"")), "{scope}");
    }
    for input in [
        json!({ "name": "bot", "scopes": null }),
        json!({ "name": "bot", "scopes": "blob:image/*" }),
        json!({ "name": "bot", "scopes": [], "privileged": true }),
    ] {
        assert_eq!(alice.call(MAKE, input.clone()).await, (400, "InvalidRequest"), "{input}");
    }
    let listed = alice.query("com.atproto.server.listAppPasswords", &[]).await.ok();
    assert_eq!(listed, json!({ "passwords": [] }));
}

#[tokio::test]
async fn the_email_address_is_for_app_passwords_that_may_see_it() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for (scopes, sees) in [(json!([]), false), (json!(["account:email"]), true)] {
        let input = json!({ "name": scopes.to_string(), "scopes": scopes });
        let made = alice.call(MAKE, input).await.ok();
        let sign_in = json!({ "identifier": alice.did, "password": made["password"] });
        let session = alice.anyone().call("com.atproto.server.createSession", sign_in).await.ok();
        let app = TestAccount::from_session(&pds, &session);
        let seen = [
            session,
            app.query("com.atproto.server.getSession", &[]).await.ok(),
            app.refresher().poke("com.atproto.server.refreshSession").await.ok(),
        ];
        for answer in seen {
            for member in ["email", "emailConfirmed", "emailAuthFactor"] {
                assert_eq!(answer.get(member).is_some(), sees, "{member} of {answer}");
            }
        }
    }
}

#[tokio::test]
async fn other_services_are_asked_in_the_accounts_name_as_the_scopes_say() {
    let world = World::start().await;
    let appview = StandIn::start(&world).await;
    let pds = world.pds_with(|config| config.appview = Some(appview.target())).await;
    let alice = pds.account("alice").await;
    let audience = format!("{}#bsky_appview", appview.did());
    let scope = format!("rpc:{UNKNOWN}?aud={}", audience.replace('%', "%25").replace('#', "%23"));
    let chat = "chat.bsky.convo.getLog";
    let app = scoped(&pds, &alice, &[&scope, &format!("rpc:{chat}?aud=*")]).await;
    app.query(UNKNOWN, &[]).await.ok();
    assert_eq!(appview.last().signer, Ok(alice.did.clone()));
    app.query(chat, &[]).await.ok();
    assert_eq!(app.query("app.bsky.feed.getActorFeeds", &[]).await, MISSING);
    assert_eq!(app.query("app.bsky.feed.getTimeline", &[]).await, MISSING);
    let elsewhere = app.request(Method::GET, UNKNOWN).header("atproto-proxy", "did:web:a.test#svc");
    assert_eq!(app.send(elsewhere).await, MISSING);

    let token = async |aud: &str, lxm: &str| {
        app.query("com.atproto.server.getServiceAuth", &[("aud", aud), ("lxm", lxm)]).await
    };
    token(&audience, UNKNOWN).await.ok();
    assert_eq!(token("did:web:a.test#svc", UNKNOWN).await, MISSING);
    assert_eq!(token(&audience, "com.atproto.server.createAccount").await, MISSING);
    assert_eq!(
        app.query("com.atproto.server.getServiceAuth", &[("aud", &audience)]).await,
        MISSING
    );
}

#[tokio::test]
async fn preferences_that_scopes_give_are_without_personal_details() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let personal = json!({
        "$type": "app.bsky.actor.defs#personalDetailsPref", "birthDate": "1990-01-01T00:00:00.000Z",
    });
    let tags = json!({ "$type": "app.bsky.actor.defs#interestsPref", "tags": ["birds"] });
    let put = "app.bsky.actor.putPreferences";
    alice.call(put, json!({ "preferences": [personal, tags] })).await.ok();
    let app = scoped(&pds, &alice, &["rpc:app.bsky.actor.getPreferences?aud=*"]).await;
    let seen = app.query("app.bsky.actor.getPreferences", &[]).await.ok();
    let seen = seen["preferences"].as_array().unwrap();
    assert!(seen.contains(&tags) && !seen.contains(&personal), "{seen:?}");
    assert_eq!(app.call(put, json!({ "preferences": [] })).await, MISSING);
}
