//! What moderators look up, and what they decide about invite codes.

use cairn_server::config::SignUp;
use cairn_tests::{PASSWORD, StandIn, TestPds, World, post};
use serde_json::{Value, json};

const PREFERENCES: &str = "app.bsky.actor.getPreferences";

const SEARCH: &str = "com.atproto.admin.searchAccounts";
const CODES: &str = "com.atproto.admin.getInviteCodes";
const INFO: &str = "com.atproto.admin.getAccountInfo";
const UPDATE: &str = "com.atproto.admin.updateSubjectStatus";

/// What stands under `key` in each item of a list.
fn each<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap()).collect()
}

#[tokio::test]
async fn accounts_are_found_by_the_beginning_of_address_handle_or_did() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let alina = pds.account("alina").await;
    let bob = pds.account("bobby").await;
    let email = json!({ "account": bob.did, "email": "ALIce-too@mail.test" });
    pds.admin().call("com.atproto.admin.updateAccountEmail", email).await.ok();
    bob.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    let found = async |params: &[(&str, &str)]| {
        let found = pds.admin().query(SEARCH, params).await.ok();
        each(&found["accounts"], "handle").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(&[("email", "ali")]).await, ["alice.test", "alina.test", "bobby.test"]);
    assert_eq!(found(&[("email", " @Alina.T")]).await, ["alina.test"]);
    assert_eq!(found(&[("email", "alice-too@mail.test")]).await, ["bobby.test"]);
    assert_eq!(found(&[("email", alice.did.as_str())]).await, ["alice.test"]);
    // Nothing in the text is a pattern.
    for text in ["%", "_lice", "*", "x' OR 1=1", "\u{10ffff}"] {
        assert_eq!(found(&[("email", text)]).await, [""; 0], "{text}");
    }
    assert_eq!(found(&[]).await.len(), 3);

    let first = pds.admin().query(SEARCH, &[("limit", "2")]).await.ok();
    assert_eq!(each(&first["accounts"], "did"), [alice.did.as_str(), alina.did.as_str()]);
    let cursor = first["cursor"].as_str().unwrap();
    let rest = pds.admin().query(SEARCH, &[("limit", "2"), ("cursor", cursor)]).await.ok();
    assert_eq!(each(&rest["accounts"], "did"), [bob.did.as_str()]);
    assert_eq!(rest.get("cursor"), None);
    for bad in [("cursor", "x"), ("limit", "0"), ("limit", "101")] {
        assert_eq!(pds.admin().query(SEARCH, &[bad]).await, (400, "InvalidRequest"), "{bad:?}");
    }
    assert_eq!(pds.anyone.query(SEARCH, &[]).await, (401, "AuthMissing"));
    assert_eq!(alice.query(SEARCH, &[]).await.status / 100, 4);
}

#[tokio::test]
async fn invite_codes_are_listed_in_pages_by_age_and_by_use() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Invite).await;
    let admin = pds.admin();
    let mut codes = Vec::new();
    for n in 0..5 {
        pds.world.clock().advance(std::time::Duration::from_secs(1));
        let input = json!({ "useCount": 3, "forAccount": format!("did:web:owner{n}.example") });
        let made = admin.call("com.atproto.server.createInviteCode", input).await.ok();
        codes.push(made["code"].as_str().unwrap().to_owned());
    }
    for (name, code) in [("alice", 2), ("bobby", 2), ("carla", 0)] {
        let input = json!({ "handle": format!("{name}.test"), "email": format!("{name}@mail.test"), "password": PASSWORD, "inviteCode": codes[code] });
        pds.anyone.call("com.atproto.server.createAccount", input).await.ok();
    }
    let pages = async |sort: &str| {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut params = vec![("sort", sort), ("limit", "2")];
            params.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = admin.query(CODES, &params).await.ok();
            seen.extend(each(&page["codes"], "code").into_iter().map(str::to_owned));
            cursor = page["cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return seen;
            }
        }
    };
    let newest_first: Vec<String> = codes.iter().rev().cloned().collect();
    assert_eq!(pages("recent").await, newest_first);
    let by_use = pages("usage").await;
    assert_eq!(by_use[..2], [codes[2].clone(), codes[0].clone()]);
    assert_eq!(by_use.len(), 5);
    let first = admin.query(CODES, &[("sort", "usage"), ("limit", "1")]).await.ok();
    let code = &first["codes"][0];
    assert_eq!((&code["available"], &code["disabled"]), (&json!(3), &json!(false)));
    assert_eq!(code["uses"].as_array().unwrap().len(), 2);
    for bad in [("sort", "luck"), ("cursor", "x"), ("cursor", "x::y"), ("limit", "501")] {
        assert_eq!(admin.query(CODES, &[bad]).await, (400, "InvalidRequest"), "{bad:?}");
    }
}

#[tokio::test]
async fn disabled_codes_let_nobody_in() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Invite).await;
    let admin = pds.admin();
    let owner = "did:web:owner.example";
    let code = async |owner: Option<&str>| {
        let input = json!({ "useCount": 3, "forAccount": owner });
        let made = admin.call("com.atproto.server.createInviteCode", input).await.ok();
        made["code"].as_str().unwrap().to_owned()
    };
    let (named, owned, free) = (code(None).await, code(Some(owner)).await, code(None).await);
    let join = async |name: &str, code: &str| {
        let input = json!({ "handle": format!("{name}.test"), "email": format!("{name}@mail.test"), "password": PASSWORD, "inviteCode": code });
        pds.anyone.call("com.atproto.server.createAccount", input).await
    };
    let disable = "com.atproto.admin.disableInviteCodes";
    assert_eq!(
        admin.call(disable, json!({ "accounts": [owner, "admin"] })).await,
        (400, "InvalidRequest")
    );
    join("alice", &owned).await.ok();
    admin
        .call(disable, json!({ "codes": [named, "no-such-code"], "accounts": [owner] }))
        .await
        .ok();
    admin.call(disable, json!({})).await.ok();
    assert_eq!(join("bobby", &named).await, (400, "InvalidInviteCode"));
    assert_eq!(join("bobby", &owned).await, (400, "InvalidInviteCode"));
    join("bobby", &free).await.ok();
}

#[tokio::test]
async fn moderators_note_why_an_account_gets_no_codes() {
    let pds = TestPds::start_with(|config| config.sign_up = SignUp::Invite).await;
    let admin = pds.admin();
    let made =
        admin.call("com.atproto.server.createInviteCode", json!({ "useCount": 1 })).await.ok();
    let input = json!({ "handle": "alice.test", "email": "alice@mail.test", "password": PASSWORD, "inviteCode": made["code"] });
    let alice = pds.anyone.call("com.atproto.server.createAccount", input).await.ok();
    let did = alice["did"].as_str().unwrap();
    let input = json!({ "useCount": 2, "forAccount": did });
    let own = admin.call("com.atproto.server.createInviteCode", input).await.ok();

    let info = async || admin.query(INFO, &[("did", did)]).await.ok();
    let before = info().await;
    assert_eq!(before["invitedBy"]["code"], made["code"]);
    assert_eq!(before["invitedBy"]["uses"][0]["usedBy"], did);
    assert_eq!(each(&before["invites"], "code"), [own["code"].as_str().unwrap()]);
    assert_eq!((&before["invitesDisabled"], before.get("inviteNote")), (&json!(false), None));
    assert!(before["indexedAt"].is_string() && before.get("deactivatedAt").is_none());

    let (disable, enable) =
        ("com.atproto.admin.disableAccountInvites", "com.atproto.admin.enableAccountInvites");
    admin.call(disable, json!({ "account": did, "note": "sells codes" })).await.ok();
    let after = info().await;
    assert_eq!(
        (&after["invitesDisabled"], &after["inviteNote"]),
        (&json!(true), &json!("sells codes"))
    );
    admin.call(enable, json!({ "account": did })).await.ok();
    assert_eq!(info().await, before);
    assert_eq!(
        admin.call(disable, json!({ "account": did, "note": "x".repeat(2_001) })).await,
        (400, "InvalidRequest")
    );
    let nobody = json!({ "account": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" });
    assert_eq!(admin.call(disable, nobody.clone()).await, (400, "NotFound"));
    assert_eq!(admin.call(enable, nobody).await, (400, "NotFound"));
}

#[tokio::test]
async fn a_moderation_service_moderates_with_its_own_tokens() {
    let world = World::start().await;
    // The service has an account on another server, whose key signs for it.
    let other = world.pds_with(|config| config.handle_domains = vec![".other.test".into()]).await;
    let service = other.account_named("overseer.other.test").await;
    let mallory = other.account_named("mallory.other.test").await;
    let endpoint = StandIn::start(&world).await;
    let did = service.did.clone();
    let pds = world
        .pds_with(|config| {
            config.moderation =
                Some(cairn_server::config::ServiceTarget { did, ..endpoint.target() });
        })
        .await;
    let alice = pds.account("alice").await;
    let birth_date = json!({ "$type": "app.bsky.actor.defs#personalDetailsPref", "birthDate": "1999-05-01T00:00:00.000Z" });
    let kept = json!({ "preferences": [birth_date] });
    alice.call("app.bsky.actor.putPreferences", kept).await.ok();
    let aud = pds.config.service_did.to_string();
    let bearing = async |account: &cairn_tests::TestAccount, lxm: &str| {
        let params = [("aud", aud.as_str()), ("lxm", lxm)];
        let token = account.query("com.atproto.server.getServiceAuth", &params).await.ok();
        pds.anyone.bearer(token["token"].as_str().unwrap())
    };
    let found = bearing(&service, SEARCH).await.query(SEARCH, &[("email", "alice")]).await.ok();
    assert_eq!(each(&found["accounts"], "did"), [alice.did.as_str()]);
    let subject = json!({ "$type": "com.atproto.admin.defs#repoRef", "did": alice.did });
    let input = json!({ "subject": subject, "takedown": { "applied": true, "ref": "7" } });
    assert_eq!(
        bearing(&mallory, UPDATE).await.call(UPDATE, input.clone()).await,
        (401, "UntrustedIss")
    );
    assert_eq!(
        bearing(&service, SEARCH).await.call(UPDATE, input.clone()).await,
        (401, "BadJwtLexiconMethod")
    );
    bearing(&service, UPDATE).await.call(UPDATE, input).await.ok();
    assert_eq!(alice.create("app.bsky.feed.post", post("x")).await, (401, "AccountTakedown"));
    // It reads the preferences of any account, in the parameter that it alone uses.
    let named = [("did", alice.did.as_str())];
    let seen = bearing(&service, PREFERENCES).await.query(PREFERENCES, &named).await.ok();
    assert_eq!(seen["preferences"][0], birth_date, "{seen}");
    let refused = bearing(&service, PREFERENCES).await.query(PREFERENCES, &[]).await;
    assert_eq!(refused, (400, "InvalidRequest"));
    let nobody = [("did", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")];
    let refused = bearing(&service, PREFERENCES).await.query(PREFERENCES, &nobody).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(
        bearing(&mallory, PREFERENCES).await.query(PREFERENCES, &named).await,
        (401, "UntrustedIss")
    );
    // Passwords, handles, addresses, keys and deletion are the operator's alone.
    for (nsid, input) in [
        ("com.atproto.admin.deleteAccount", json!({ "did": alice.did })),
        (
            "com.atproto.admin.updateAccountPassword",
            json!({ "did": alice.did, "password": "a new one" }),
        ),
        ("com.atproto.admin.updateAccountHandle", json!({ "did": alice.did, "handle": "a.test" })),
        (
            "com.atproto.admin.updateAccountEmail",
            json!({ "account": alice.did, "email": "a@b.test" }),
        ),
    ] {
        let reply = bearing(&service, nsid).await.call(nsid, input).await;
        assert_eq!(reply.status / 100, 4, "{nsid}: {}", reply.text());
    }
}

#[tokio::test]
async fn an_account_comes_back_in_one_call() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let subject = json!({ "$type": "com.atproto.admin.defs#repoRef", "did": alice.did });
    let set = async |input: Value| {
        let mut input = input;
        input["subject"] = subject.clone();
        pds.admin().call(UPDATE, input).await
    };
    set(json!({ "takedown": { "applied": true }, "deactivated": { "applied": true } })).await.ok();
    // A deactivated account that is taken down stays so.
    assert_eq!(set(json!({ "deactivated": { "applied": false } })).await, (400, "InvalidRequest"));
    let mut firehose = pds.firehose().await;
    set(json!({ "takedown": { "applied": false }, "deactivated": { "applied": false } }))
        .await
        .ok();
    assert_eq!(
        firehose.names(4).await,
        ["account deactivated", "account active", "identity alice.test", "sync"]
    );
    // While the directory is away nobody can say whose account it is, and nothing is done by half.
    set(json!({ "takedown": { "applied": true }, "deactivated": { "applied": true } })).await.ok();
    pds.world.fault_directory(Some(cairn_tests::DirectoryFault::Fails));
    let both = json!({ "takedown": { "applied": false }, "deactivated": { "applied": false } });
    assert_eq!(set(both.clone()).await, (502, "UpstreamFailure"));
    let status = [("did", alice.did.as_str())];
    let status = pds.admin().query("com.atproto.admin.getSubjectStatus", &status).await.ok();
    assert_eq!(
        (&status["takedown"]["applied"], &status["deactivated"]["applied"]),
        (&json!(true), &json!(true))
    );
    pds.world.fault_directory(None);
    set(both).await.ok();
    alice.post("here again").await;
}

#[tokio::test]
async fn what_is_not_here_cannot_be_moderated() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let admin = pds.admin();
    let blob = alice.blob("text/plain", "x").await;
    let cid = blob["ref"]["$link"].as_str().unwrap();
    let record = |did: &str| json!({ "$type": "com.atproto.repo.strongRef", "uri": format!("at://{did}/app.bsky.feed.post/none"), "cid": cid });
    let blob = |did: &str| json!({ "$type": "com.atproto.admin.defs#repoBlobRef", "did": did, "cid": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku" });
    let nobody = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    for subject in
        [record(alice.did.as_str()), record(nobody), blob(alice.did.as_str()), blob(nobody)]
    {
        let input = json!({ "subject": subject, "takedown": { "applied": true } });
        assert_eq!(admin.call(UPDATE, input).await, (400, "NotFound"), "{subject}");
    }
    let whole = json!({ "$type": "com.atproto.repo.strongRef", "uri": format!("at://{}", alice.did), "cid": cid });
    let input = json!({ "subject": whole, "takedown": { "applied": true } });
    assert_eq!(admin.call(UPDATE, input).await, (400, "InvalidRequest"));
    let get = "com.atproto.admin.getSubjectStatus";
    assert_eq!(admin.query(get, &[]).await, (400, "InvalidRequest"));
    assert_eq!(admin.query(get, &[("blob", cid)]).await, (400, "InvalidRequest"));
    assert_eq!(admin.query(get, &[("did", nobody)]).await, (400, "NotFound"));
}

#[tokio::test]
async fn takedowns_of_records_and_blobs_say_nothing_on_the_firehose() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let blob = alice.blob("text/plain", "bad").await;
    let created = alice.create("com.example.file", json!({ "file": blob })).await.ok();
    let mut firehose = pds.firehose().await;
    let cid = &blob["ref"]["$link"];
    for subject in [
        json!({ "$type": "com.atproto.repo.strongRef", "uri": created["uri"], "cid": created["cid"] }),
        json!({ "$type": "com.atproto.admin.defs#repoBlobRef", "did": alice.did, "cid": cid, "recordUri": created["uri"] }),
    ] {
        let input = json!({ "subject": subject, "takedown": { "applied": true, "ref": "case 2" } });
        let done = pds.admin().call(UPDATE, input).await.ok();
        assert_eq!(
            done,
            json!({ "subject": subject, "takedown": { "applied": true, "ref": "case 2" } })
        );
    }
    let params = [("did", alice.did.as_str()), ("blob", cid.as_str().unwrap())];
    let status = pds.admin().query("com.atproto.admin.getSubjectStatus", &params).await.ok();
    assert_eq!(status["takedown"], json!({ "applied": true, "ref": "case 2" }));
    alice.post("after").await;
    assert_eq!(firehose.names(1).await, ["commit"]);
}
