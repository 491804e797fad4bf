//! Handles and DID documents.

use cairn_model::Did;
use cairn_tests::{TestAccount, TestPds};
use serde_json::{Value, json};

const UPDATE: &str = "com.atproto.identity.updateHandle";
const RESOLVE: &str = "com.atproto.identity.resolveHandle";

#[tokio::test]
async fn handles_resolve_while_their_accounts_are_active() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    assert_eq!(
        pds.anyone.query(RESOLVE, &[("handle", "Alice.test")]).await.ok(),
        json!({ "did": alice.did })
    );
    assert_eq!(pds.anyone.query(RESOLVE, &[("handle", "bob.test")]).await, (400, "HandleNotFound"));
    pds.world.set_handle("carla.example.com", "did:plc:ewvi7nxzyoun6zhxrhs64oiz");
    let outside = pds.anyone.query(RESOLVE, &[("handle", "carla.example.com")]).await.ok();
    assert_eq!(outside["did"], "did:plc:ewvi7nxzyoun6zhxrhs64oiz");

    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    assert_eq!(
        pds.anyone.query(RESOLVE, &[("handle", "alice.test")]).await,
        (400, "HandleNotFound")
    );
}

#[tokio::test]
async fn a_new_handle_is_published_announced_and_free_for_nobody_else() {
    let pds = TestPds::start().await;
    let (alice, bob) = (pds.account("alice").await, pds.account("bobby").await);
    let mut firehose = pds.firehose().await;
    alice.call(UPDATE, json!({ "handle": "Alicia.test" })).await.ok();
    assert_eq!(firehose.names(1).await, ["identity alicia.test"]);
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alicia.test"]);
    assert_eq!(
        pds.anyone.query(RESOLVE, &[("handle", "alicia.test")]).await.ok()["did"],
        alice.did.as_str()
    );
    assert_eq!(
        pds.anyone.query(RESOLVE, &[("handle", "alice.test")]).await,
        (400, "HandleNotFound")
    );
    assert_eq!(
        alice.query("com.atproto.server.getSession", &[]).await.ok()["handle"],
        "alicia.test"
    );

    assert_eq!(
        bob.call(UPDATE, json!({ "handle": "alicia.test" })).await,
        (400, "HandleNotAvailable")
    );
    assert_eq!(
        bob.call(UPDATE, json!({ "handle": "support.test" })).await,
        (400, "HandleNotAvailable")
    );
    assert_eq!(bob.call(UPDATE, json!({ "handle": "x" })).await, (400, "InvalidHandle"));
    assert_eq!(pds.anyone.call(UPDATE, json!({ "handle": "x.test" })).await, (401, "AuthMissing"));
    bob.call(UPDATE, json!({ "handle": "alice.test" })).await.ok();
}

#[tokio::test]
async fn a_handle_of_ones_own_domain_must_point_back() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    assert_eq!(
        alice.call(UPDATE, json!({ "handle": "alice.example.com" })).await,
        (400, "InvalidRequest")
    );
    pds.world.set_handle("alice.example.com", "did:plc:ewvi7nxzyoun6zhxrhs64oiz");
    assert_eq!(
        alice.call(UPDATE, json!({ "handle": "alice.example.com" })).await,
        (400, "InvalidRequest")
    );
    pds.world.set_handle("alice.example.com", alice.did.as_str());
    alice.call(UPDATE, json!({ "handle": "alice.example.com" })).await.ok();
    let params = [("identifier", "alice.example.com")];
    let identity = pds.anyone.query("com.atproto.identity.resolveIdentity", &params).await.ok();
    assert_eq!(identity["handle"], "alice.example.com");
    assert_eq!(identity["did"], alice.did.as_str());
    assert_eq!(identity["didDoc"]["alsoKnownAs"], json!(["at://alice.example.com"]));
}

#[tokio::test]
async fn identities_resolve_from_either_end() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let by_did = [("identifier", alice.did.as_str())];
    let identity = pds.anyone.query("com.atproto.identity.resolveIdentity", &by_did).await.ok();
    assert_eq!(identity["handle"], "alice.test");
    let document = pds
        .anyone
        .query("com.atproto.identity.resolveDid", &[("did", alice.did.as_str())])
        .await
        .ok();
    assert_eq!(document["didDoc"], identity["didDoc"]);
    let nobody = [("did", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")];
    assert_eq!(
        pds.anyone.query("com.atproto.identity.resolveDid", &nobody).await,
        (400, "DidNotFound")
    );
    assert_eq!(
        pds.anyone
            .query("com.atproto.identity.resolveDid", &[("did", "did:example:x")])
            .await
            .status,
        400
    );

    // A document that names a handle which names somebody else.
    pds.world.set_handle("alice.example.com", alice.did.as_str());
    alice.call(UPDATE, json!({ "handle": "alice.example.com" })).await.ok();
    pds.world.set_handle("alice.example.com", "did:plc:ewvi7nxzyoun6zhxrhs64oiz");
    alice.call("com.atproto.server.deactivateAccount", json!({})).await.ok();
    let identity = pds.anyone.query("com.atproto.identity.resolveIdentity", &by_did).await.ok();
    assert_eq!(identity["handle"], "handle.invalid");
}

#[tokio::test]
async fn an_operation_of_ones_own_is_signed_for_whoever_reads_the_mail() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let sign = "com.atproto.identity.signPlcOperation";
    assert_eq!(alice.call(sign, json!({})).await, (400, "InvalidRequest"));
    assert_eq!(alice.call(sign, json!({ "token": "AAAAA-BBBBB" })).await, (400, "InvalidToken"));
    alice.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    let token = pds.mailed_code("alice@mail.test");
    let recommended =
        alice.query("com.atproto.identity.getRecommendedDidCredentials", &[]).await.ok();
    assert_eq!(recommended["alsoKnownAs"], json!(["at://alice.test"]));

    // Nor does what nobody could ever change again.
    for keys in [json!([]), json!([recommended["rotationKeys"][0], recommended["rotationKeys"][0]])]
    {
        let stuck = json!({ "token": token, "rotationKeys": keys });
        assert_eq!(alice.call(sign, stuck).await, (400, "InvalidRequest"));
    }
    // What the directory would refuse does not cost the token.
    let bad = json!({ "token": token, "rotationKeys": ["nonsense"] });
    assert_eq!(alice.call(sign, bad).await, (400, "InvalidRequest"));
    let aliases = json!(["at://alice.test", "https://alice.example.com"]);
    let signed = alice.call(sign, json!({ "token": token, "alsoKnownAs": aliases })).await.ok();
    assert_eq!(alice.call(sign, json!({ "token": token })).await, (400, "InvalidToken"));

    let submit = "com.atproto.identity.submitPlcOperation";
    let mut firehose = pds.firehose().await;
    alice.call(submit, json!({ "operation": signed["operation"] })).await.ok();
    assert_eq!(firehose.names(1).await, ["identity alice.test"]);
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alice.test", "https://alice.example.com"]);

    // Once more, as after an answer that got lost: the directory has it, and says no.
    let again = json!({ "operation": signed["operation"] });
    assert!(pds.world.plc().submit(&alice.did, &operation(&again)).await.is_err());
    alice.call(submit, again.clone()).await.ok();
    assert_eq!(firehose.names(1).await, ["identity alice.test"]);
    // But not when another operation has followed.
    alice.call(UPDATE, json!({ "handle": "alicia.test" })).await.ok();
    alice.call(UPDATE, json!({ "handle": "alice.test" })).await.ok();
    assert_eq!(alice.call(submit, again).await, (400, "InvalidRequest"));

    let broken = |change: fn(&mut Value)| {
        let mut operation = signed["operation"].clone();
        change(&mut operation);
        json!({ "operation": operation })
    };
    for change in [
        (|op: &mut Value| op["rotationKeys"] = json!([])) as fn(&mut Value),
        |op| op["services"]["atproto_pds"]["endpoint"] = json!("https://else.test"),
        |op| op["verificationMethods"] = json!({}),
        |op| op["alsoKnownAs"] = json!(["at://mallory.test"]),
        |op| op["type"] = json!("plc_tombstone"),
        |op| *op = json!("nonsense"),
        |op| op["sig"] = json!("AAAA"),
    ] {
        assert_eq!(alice.call(submit, broken(change)).await, (400, "InvalidRequest"));
    }
}

#[tokio::test]
async fn a_handle_that_is_an_alias_already_becomes_the_first() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    alice.poke("com.atproto.identity.requestPlcOperationSignature").await.ok();
    let token = pds.mailed_code("alice@mail.test");
    let aliases = json!(["at://alice.test", "at://alicia.test"]);
    let sign = json!({ "token": token, "alsoKnownAs": aliases });
    let signed = alice.call("com.atproto.identity.signPlcOperation", sign).await.ok();
    let submit = "com.atproto.identity.submitPlcOperation";
    alice.call(submit, json!({ "operation": signed["operation"] })).await.ok();
    alice.call(UPDATE, json!({ "handle": "alicia.test" })).await.ok();
    let data = pds.world.plc().get_data(&alice.did).await.unwrap();
    assert_eq!(data.also_known_as, ["at://alicia.test"]);
}

fn operation(input: &Value) -> cairn_identity::plc::Operation {
    serde_json::from_value(input["operation"].clone()).unwrap()
}

#[tokio::test]
async fn the_wellknown_did_is_that_of_the_host_name() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |host: &'static str| {
        let request =
            client.get(format!("{}/.well-known/atproto-did", pds.anyone.base)).header("host", host);
        async move { request.send().await.unwrap() }
    };
    let known = ask("alice.test").await;
    assert_eq!(Did::parse(known.text().await.unwrap().trim()).unwrap(), alice.did);
    assert_eq!(ask("bob.test").await.status(), 404);
    let document = pds.anyone.page("/.well-known/did.json").await;
    assert!(document.status == 200 || document.status == 404, "{}", document.text());
}

#[tokio::test]
async fn an_account_keeps_its_handle_when_the_directory_is_away() {
    let pds = TestPds::start().await;
    let alice: TestAccount = pds.account("alice").await;
    pds.world.stop_directory().await;
    assert_eq!(
        alice.call(UPDATE, json!({ "handle": "alicia.test" })).await,
        (502, "UpstreamFailure")
    );
    assert_eq!(
        alice.query("com.atproto.server.getSession", &[]).await.ok()["handle"],
        "alice.test"
    );
}

#[tokio::test]
async fn changes_of_one_handle_at_the_same_time_follow_each_other() {
    let pds = TestPds::start().await;
    let alice = pds.account("alice").await;
    let changes = (0..8).map(|n| {
        let alice = alice.clone();
        async move {
            let input = json!({ "handle": format!("alice{n}.test") });
            alice.call("com.atproto.identity.updateHandle", input).await
        }
    });
    for changed in futures_util::future::join_all(changes).await {
        changed.ok();
    }
    let described =
        alice.query("com.atproto.repo.describeRepo", &[("repo", alice.did.as_str())]).await.ok();
    assert_eq!(described["handleIsCorrect"], true, "{described}");
}
