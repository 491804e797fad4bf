//! Signing in and staying signed in.

use std::time::Duration;

use cairn_tests::{PASSWORD, TestAccount, TestPds};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

async fn sign_in(pds: &TestPds, identifier: &str, password: &str) -> cairn_tests::Reply {
    pds.anyone
        .call(
            "com.atproto.server.createSession",
            json!({ "identifier": identifier, "password": password }),
        )
        .await
}

#[tokio::test]
async fn people_sign_in_with_handle_did_or_address() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    for identifier in ["alice.test", "ALICE.test", alice.did.as_str(), "Alice@Mail.test"] {
        let session = sign_in(&pds, identifier, PASSWORD).await.ok();
        assert_eq!(session["did"], alice.did.as_str(), "{identifier}");
        assert_eq!(session["email"], "alice@mail.test");
        assert_eq!(session["active"], true);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let pds = TestPds::start().await;
    pds.account("alice").await;
    let wrong = sign_in(&pds, "alice.test", "wrong").await;
    let unknown = sign_in(&pds, "bob.test", PASSWORD).await;
    assert_eq!(wrong.error(), (401, "AuthenticationRequired".to_owned()));
    assert_eq!(wrong.json(), unknown.json());
    for identifier in ["", "no handle", "did:", "a@b@c"] {
        assert_eq!(
            sign_in(&pds, identifier, PASSWORD).await,
            (401, "AuthenticationRequired"),
            "{identifier}"
        );
    }
    assert_eq!(
        sign_in(&pds, "alice.test", &"x".repeat(600)).await,
        (401, "AuthenticationRequired")
    );
    assert_eq!(sign_in(&pds, "alice.test", "").await, (401, "AuthenticationRequired"));
}

#[tokio::test]
async fn a_session_is_renewed_and_its_old_token_is_good_for_a_while() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let refresh = "com.atproto.server.refreshSession";
    let first = alice.refresher().poke(refresh).await.ok();
    assert_eq!(first["handle"], "alice.test");
    assert_eq!(first["email"], "alice@mail.test");

    // A client that lost the answer asks again and gets the same next token.
    pds.world.clock().advance(Duration::from_secs(3_600));
    let again = alice.refresher().poke(refresh).await.ok();
    let jti = |session: &Value| claims(session["refreshJwt"].as_str().unwrap())["jti"].clone();
    assert_eq!(jti(&first), jti(&again));

    // Whoever comes with it after the grace has stolen it, or was robbed: everybody is signed out.
    pds.world.clock().advance(Duration::from_secs(2 * 3_600));
    assert_eq!(alice.refresher().poke(refresh).await, (400, "ExpiredToken"));
    let next = TestAccount::from_session(&pds, &again);
    assert_eq!(next.refresher().poke(refresh).await, (400, "ExpiredToken"));
}

#[tokio::test]
async fn tokens_are_taken_for_what_they_are_and_no_longer_than_they_last() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let get = "com.atproto.server.getSession";
    assert_eq!(alice.refresher().query(get, &[]).await, (400, "InvalidToken"));
    assert_eq!(alice.poke("com.atproto.server.refreshSession").await, (400, "InvalidToken"));
    assert_eq!(pds.anyone.query(get, &[]).await, (401, "AuthMissing"));
    assert_eq!(pds.anyone.bearer("a.b.c").query(get, &[]).await, (400, "InvalidToken"));
    assert_eq!(pds.anyone.authorized("Basic YTpi").query(get, &[]).await, (400, "InvalidToken"));
    assert_eq!(pds.anyone.authorized("nonsense").query(get, &[]).await, (400, "InvalidToken"));
    let mut forged = alice.access_jwt.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    assert_eq!(pds.anyone.bearer(&forged).query(get, &[]).await, (400, "InvalidToken"));

    pds.world.clock().advance(Duration::from_secs(2 * 3_600 + 1));
    assert_eq!(alice.query(get, &[]).await, (400, "ExpiredToken"));
    pds.world.clock().advance(Duration::from_secs(90 * 86_400));
    assert_eq!(
        alice.refresher().poke("com.atproto.server.refreshSession").await,
        (400, "ExpiredToken")
    );
    // Signing out works all the same.
    alice.refresher().poke("com.atproto.server.deleteSession").await.ok();
}

#[tokio::test]
async fn signing_out_ends_the_session_and_no_other() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let elsewhere = alice.sign_in(&pds, PASSWORD).await;
    let renewed = TestAccount::from_session(
        &pds,
        &alice.refresher().poke("com.atproto.server.refreshSession").await.ok(),
    );
    alice.refresher().poke("com.atproto.server.deleteSession").await.ok();
    assert_eq!(
        renewed.refresher().poke("com.atproto.server.refreshSession").await,
        (400, "ExpiredToken")
    );
    alice.refresher().poke("com.atproto.server.deleteSession").await.ok();
    elsewhere.refresher().poke("com.atproto.server.refreshSession").await.ok();
}

/// Clients sign out for the errors of the lexicon only, and are to let go of what is not there any more.
#[tokio::test]
async fn a_session_of_a_deleted_account_is_a_revoked_one() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let delete = json!({ "did": alice.did });
    pds.admin().call("com.atproto.admin.deleteAccount", delete).await.ok();
    let refused = alice.refresher().poke("com.atproto.server.refreshSession").await;
    assert_eq!(refused, (400, "ExpiredToken"));
}

#[tokio::test]
async fn sessions_survive_a_restart() {
    let mut pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    pds.restart().await;
    alice.query("com.atproto.server.getSession", &[]).await.ok();
    alice.refresher().poke("com.atproto.server.refreshSession").await.ok();
}

#[tokio::test]
async fn an_app_password_signs_in_with_fewer_rights() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let create = "com.atproto.server.createAppPassword";
    let made = alice.call(create, json!({ "name": "phone" })).await.ok();
    assert_eq!(made["privileged"], false);
    assert_eq!(alice.call(create, json!({ "name": "phone" })).await, (400, "InvalidRequest"));
    assert_eq!(alice.call(create, json!({ "name": "" })).await, (400, "InvalidRequest"));

    let phone = alice.sign_in(&pds, made["password"].as_str().unwrap()).await;
    phone.post("from my phone").await;
    assert_eq!(phone.call(create, json!({ "name": "more" })).await, (400, "InvalidToken"));
    assert_eq!(phone.poke("com.atproto.server.requestAccountDelete").await, (400, "InvalidToken"));
    let auth = [("aud", "did:web:x.test"), ("lxm", "com.atproto.server.createAccount")];
    assert_eq!(
        phone.query("com.atproto.server.getServiceAuth", &auth).await,
        (400, "InvalidRequest")
    );
    let renewed = TestAccount::from_session(
        &pds,
        &phone.refresher().poke("com.atproto.server.refreshSession").await.ok(),
    );
    assert_eq!(renewed.call(create, json!({ "name": "more" })).await, (400, "InvalidToken"));

    let list = alice.query("com.atproto.server.listAppPasswords", &[]).await.ok();
    assert_eq!(list["passwords"][0]["name"], "phone");
    alice.call("com.atproto.server.revokeAppPassword", json!({ "name": "phone" })).await.ok();
    assert_eq!(
        renewed.refresher().poke("com.atproto.server.refreshSession").await,
        (400, "ExpiredToken")
    );
    assert_eq!(
        sign_in(&pds, "alice.test", made["password"].as_str().unwrap()).await,
        (401, "AuthenticationRequired")
    );
}

#[tokio::test]
async fn a_privileged_app_password_may_ask_for_chat_and_migration() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let input = json!({ "name": "desk", "privileged": true });
    let made = alice.call("com.atproto.server.createAppPassword", input).await.ok();
    let desk = alice.sign_in(&pds, made["password"].as_str().unwrap()).await;
    for lxm in ["com.atproto.server.createAccount", "chat.bsky.convo.sendMessage"] {
        desk.query("com.atproto.server.getServiceAuth", &[("aud", "did:web:x.test"), ("lxm", lxm)])
            .await
            .ok();
    }
}

#[tokio::test]
async fn service_tokens_say_who_speaks_to_whom_and_why() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let get = "com.atproto.server.getServiceAuth";
    let params = [("aud", "did:web:api.test#bsky_appview"), ("lxm", "app.bsky.feed.getTimeline")];
    let token = alice.query(get, &params).await.ok()["token"].as_str().unwrap().to_owned();
    let claims = claims(&token);
    assert_eq!(claims["iss"], alice.did.as_str());
    assert_eq!(claims["aud"], "did:web:api.test#bsky_appview");
    assert_eq!(claims["lxm"], "app.bsky.feed.getTimeline");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    pds.world.signing_key(&alice.did).await.verify_strict(message.as_bytes(), &signature).unwrap();

    let protected = [("aud", "did:web:api.test"), ("lxm", "com.atproto.server.activateAccount")];
    assert_eq!(alice.query(get, &protected).await, (400, "InvalidRequest"));
    assert_eq!(alice.query(get, &[("aud", "nobody")]).await, (400, "InvalidRequest"));
    assert_eq!(
        alice.query(get, &[("aud", "did:web:api.test"), ("exp", "1")]).await,
        (400, "BadExpiration")
    );
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let pds = TestPds::start_with(|config| config.rate_limits.enabled = true).await;
    let mut last = None;
    for _ in 0..31 {
        last = Some(sign_in(&pds, "alice.test", "guess").await);
    }
    let last = last.unwrap();
    assert_eq!(last.error(), (429, "RateLimitExceeded".to_owned()));
    assert!(last.header("retry-after").is_some());
    // Other names are not affected.
    assert_eq!(sign_in(&pds, "bob.test", "guess").await, (401, "AuthenticationRequired"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_while_many_sign_in() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let mut sign_ins = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let anyone = pds.anyone.clone();
        let guess = json!({ "identifier": "alice.test", "password": "guess" });
        sign_ins.spawn(async move { anyone.call("com.atproto.server.createSession", guess).await });
    }
    // The first answer says that the others wait for their turn.
    sign_ins.join_next().await.unwrap().unwrap();
    alice.post("not held up").await;
    let mut answered = 1;
    while sign_ins.try_join_next().is_some() {
        answered += 1;
    }
    assert!(answered < 200, "the write came after all sign-ins");
    for reply in sign_ins.join_all().await {
        assert_eq!(reply, (401, "AuthenticationRequired"));
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_whoever_reads_the_mail() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let ask = "com.atproto.server.requestPasswordReset";
    pds.anyone.call(ask, json!({ "email": "nobody@mail.test" })).await.ok();
    assert!(pds.mail().is_empty());
    pds.anyone.call(ask, json!({ "email": "Alice@mail.test" })).await.ok();
    while pds.mail().is_empty() {
        tokio::task::yield_now().await;
    }
    let reset = "com.atproto.server.resetPassword";
    let code = pds.mailed_code("alice@mail.test");
    let input = |token: &str| json!({ "token": token, "password": "another one" });
    assert_eq!(pds.anyone.call(reset, input("AAAAA-BBBBB")).await, (400, "InvalidToken"));
    pds.anyone.call(reset, input(&code.to_lowercase())).await.ok();
    assert_eq!(pds.anyone.call(reset, input(&code)).await, (400, "InvalidToken"));
    assert_eq!(sign_in(&pds, "alice.test", PASSWORD).await, (401, "AuthenticationRequired"));
    sign_in(&pds, "alice.test", "another one").await.ok();
    assert_eq!(
        alice.refresher().poke("com.atproto.server.refreshSession").await,
        (400, "ExpiredToken")
    );
}

#[tokio::test]
async fn an_address_is_confirmed_and_then_changed_with_codes() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.poke("com.atproto.server.requestEmailConfirmation").await.ok();
    let code = pds.mailed_code("alice@mail.test");
    let confirm = "com.atproto.server.confirmEmail";
    let input = |email: &str, token: &str| json!({ "email": email, "token": token });
    assert_eq!(alice.call(confirm, input("bob@mail.test", &code)).await, (400, "InvalidEmail"));
    assert_eq!(
        alice.call(confirm, input("alice@mail.test", "AAAAA-BBBBB")).await,
        (400, "InvalidToken")
    );
    alice.call(confirm, input("alice@mail.test", &code)).await.ok();
    assert_eq!(
        alice.query("com.atproto.server.getSession", &[]).await.ok()["emailConfirmed"],
        true
    );

    let asked = alice.poke("com.atproto.server.requestEmailUpdate").await.ok();
    assert_eq!(asked, json!({ "tokenRequired": true }));
    let update = "com.atproto.server.updateEmail";
    assert_eq!(
        alice.call(update, json!({ "email": "new@mail.test" })).await,
        (400, "TokenRequired")
    );
    let old = pds.mailed_code("alice@mail.test");
    pds.world.clock().advance(Duration::from_secs(16 * 60));
    let late = json!({ "email": "new@mail.test", "token": old });
    assert_eq!(alice.call(update, late).await, (400, "ExpiredToken"));
    alice.poke("com.atproto.server.requestEmailUpdate").await.ok();
    let input = json!({ "email": "new@mail.test", "token": pds.mailed_code("alice@mail.test") });
    alice.call(update, input).await.ok();
    let session = alice.query("com.atproto.server.getSession", &[]).await.ok();
    assert_eq!(
        (&session["email"], &session["emailConfirmed"]),
        (&json!("new@mail.test"), &json!(false))
    );
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}
