//! Methods as OAuth clients call them: proofs, and scopes against what each method does.

use std::time::Duration;

use cairn_identity::{DidDocument, Resolver};
use cairn_server::config::ServiceTarget;
use http::Method;
use serde_json::{Value, json};

use super::{Client, Tokens};
use crate::harness::{Person, Reply, Server, request};

const ALL: &str = "atproto transition:generic";
pub(super) const JSON: (&str, &str) = ("content-type", "application/json");

/// A client with a session of exactly these scopes.
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) tokens: Tokens,
}

impl Caller {
    pub(super) async fn with(server: &Server, person: &Person, scope: &str) -> Self {
        let client = Client::loopback(scope);
        let tokens = client.sign_in(server, person, scope).await;
        Self { client, tokens }
    }

    async fn get(&self, server: &Server, path: &str, headers: &[(&str, &str)]) -> Reply {
        let token = &self.tokens.access;
        self.client.call(server, token, Method::GET, path, headers, Vec::new()).await
    }

    async fn post(&self, server: &Server, method: &str, body: &Value) -> Reply {
        let (path, body) = (format!("/xrpc/{method}"), body.to_string().into_bytes());
        let token = &self.tokens.access;
        self.client.call(server, token, Method::POST, &path, &[JSON], body).await
    }
}

pub(super) fn record(person: &Person, collection: &str) -> Value {
    json!({ "repo": person.did, "collection": collection, "record": { "$type": collection, "text": "x" } })
}

pub(super) fn missing(scope: &str) -> (u16, String, String) {
    (403, "ScopeMissingError".into(), format!("Missing required scope \"{scope}\""))
}

pub(super) fn refusal(reply: &Reply) -> (u16, String, String) {
    let (status, name) = reply.error();
    (status, name, reply.message())
}

#[tokio::test]
async fn a_record_is_written_with_a_token_and_a_proof() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let caller = Caller::with(&server, &alice, ALL).await;
    let created = caller
        .post(&server, "com.atproto.repo.createRecord", &record(&alice, "com.example.note"))
        .await;
    assert_eq!(created.status, 200, "{created:?}");
    assert!(!created.header("dpop-nonce").is_empty());
    let session = caller.get(&server, "/xrpc/com.atproto.server.getSession", &[]).await;
    assert_eq!(session.json()["did"], alice.did.as_str());
}

#[tokio::test]
async fn each_refusal_of_a_proof_says_what_to_do() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let caller = Caller::with(&server, &alice, ALL).await;
    let path = "/xrpc/com.atproto.server.getSession";
    let token = caller.tokens.access.as_str();
    let authorization = format!("DPoP {token}");
    let get = async |headers: &[(&str, &str)]| {
        server.send(request(Method::GET, path, headers, "".into())).await
    };
    let fails = |reply: &Reply, name: &str| {
        assert_eq!(reply.error(), (401, name.into()), "{reply:?}");
        let challenge =
            format!("DPoP algs=\"ES256 ES256K\", error=\"{name}\", error_description=\"");
        assert!(reply.header("www-authenticate").starts_with(&challenge), "{reply:?}");
    };
    let without = get(&[("authorization", &authorization)]).await;
    fails(&without, "invalid_dpop_proof");
    assert!(!without.header("dpop-nonce").is_empty());

    let stale = caller.client.proof(&server, &Method::GET, path, Some(token));
    server.clock.advance(Duration::from_secs(180));
    fails(&get(&[("authorization", &authorization), ("dpop", &stale)]).await, "use_dpop_nonce");

    let reply = caller.get(&server, path, &[]).await;
    assert_eq!(reply.status, 200, "with the nonce of the answer");
    let proof = |method: Method, path: &str, token: Option<&str>| {
        caller.client.proof(&server, &method, path, token)
    };
    let once = proof(Method::GET, path, Some(token));
    let headers = [("authorization", authorization.as_str()), ("dpop", once.as_str())];
    assert_eq!(get(&headers).await.status, 200);
    fails(&get(&headers).await, "invalid_dpop_proof");
    for other in [
        proof(Method::POST, path, Some(token)),
        proof(Method::GET, "/xrpc/com.atproto.server.getServiceAuth", Some(token)),
        proof(Method::GET, path, Some("tok-other")),
        proof(Method::GET, path, None),
        "not a proof".to_owned(),
    ] {
        let headers = [("authorization", authorization.as_str()), ("dpop", other.as_str())];
        fails(&get(&headers).await, "invalid_dpop_proof");
    }
    let thief = caller.client.with_other_key();
    fails(&thief.call(&server, token, Method::GET, path, &[], Vec::new()).await, "invalid_token");
    let bearer = format!("Bearer {token}");
    fails(&get(&[("authorization", &bearer)]).await, "invalid_token");
    fails(&get(&[("authorization", "DPoP tok-x"), ("dpop", "x")]).await, "invalid_token");

    server.clock.advance(Duration::from_secs(1800));
    fails(&caller.get(&server, path, &[]).await, "invalid_token");
}

#[tokio::test]
async fn the_query_is_not_part_of_the_proof() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let caller = Caller::with(&server, &alice, ALL).await;
    let path = format!("/xrpc/com.atproto.repo.listMissingBlobs?limit=1&x={}", alice.did);
    assert_eq!(caller.get(&server, &path, &[]).await.status, 200);
}

#[tokio::test]
async fn writes_are_held_against_collection_and_action() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let caller = Caller::with(
        &server,
        &alice,
        "atproto repo:com.example.note?action=create repo:com.example.page?action=create&action=update",
    )
    .await;
    let (note, page) = (record(&alice, "com.example.note"), record(&alice, "com.example.page"));
    let create = "com.atproto.repo.createRecord";
    assert_eq!(caller.post(&server, create, &note).await.status, 200);
    let other = caller.post(&server, create, &record(&alice, "com.example.other")).await;
    assert_eq!(refusal(&other), missing("repo:com.example.other?action=create"));

    let with_key = |mut record: Value| {
        record["rkey"] = json!("key");
        record
    };
    let put = "com.atproto.repo.putRecord";
    let refused = caller.post(&server, put, &with_key(note.clone())).await;
    assert_eq!(refusal(&refused), missing("repo:com.example.note?action=update"));
    assert_eq!(caller.post(&server, put, &with_key(page.clone())).await.status, 200);
    let delete = "com.atproto.repo.deleteRecord";
    let refused = caller.post(&server, delete, &with_key(page)).await;
    assert_eq!(refusal(&refused), missing("repo:com.example.page?action=delete"));

    let write = |kind: &str, collection: &str| {
        json!({
            "$type": format!("com.atproto.repo.applyWrites#{kind}"),
            "collection": collection, "rkey": "two", "value": { "$type": collection },
        })
    };
    let apply = async |writes: Value| {
        let input = json!({ "repo": alice.did, "writes": writes });
        caller.post(&server, "com.atproto.repo.applyWrites", &input).await
    };
    let both = json!([write("create", "com.example.note"), write("delete", "com.example.page")]);
    assert_eq!(refusal(&apply(both).await), missing("repo:com.example.page?action=delete"));
    let both = json!([write("create", "com.example.note"), write("create", "com.example.page")]);
    assert_eq!(apply(both).await.status, 200);
}

#[tokio::test]
async fn uploads_are_held_against_their_type() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let caller = Caller::with(&server, &alice, "atproto blob:image/*").await;
    let path = "/xrpc/com.atproto.repo.uploadBlob";
    let upload = async |content_type: &str| {
        let headers = [("content-type", content_type)];
        let token = &caller.tokens.access;
        caller.client.call(&server, token, Method::POST, path, &headers, b"bytes".to_vec()).await
    };
    assert_eq!(upload("image/png").await.status, 200);
    assert_eq!(refusal(&upload("text/plain").await), missing("blob:text/plain"));
}

#[tokio::test]
async fn the_email_address_is_for_clients_that_may_see_it() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let path = "/xrpc/com.atproto.server.getSession";
    for (scope, sees) in [
        (ALL, false),
        ("atproto account:email", true),
        ("atproto account:email?action=manage", true),
        ("atproto transition:email", true),
    ] {
        let session = Caller::with(&server, &alice, scope).await.get(&server, path, &[]).await;
        assert_eq!(session.json().get("email").is_some(), sees, "{scope}");
        assert_eq!(session.json().get("emailConfirmed").is_some(), sees, "{scope}");
    }
}

#[tokio::test]
async fn calls_of_other_services_are_held_against_method_and_service() {
    let did = "did:web:appview.example";
    let appview =
        ServiceTarget { url: "http://127.0.0.1:9".parse().unwrap(), did: did.parse().unwrap() };
    let server = Server::with(|config| config.appview = Some(appview)).await;
    let document: DidDocument = serde_json::from_value(json!({
        "id": "did:web:other.example",
        "service": [{ "id": "#svc", "type": "Any", "serviceEndpoint": "http://127.0.0.1:9" }],
    }))
    .unwrap();
    server.resolver.set_document(document.clone());
    server.resolver.did(&document.id, true).await.unwrap();
    let alice = server.person("alice").await;
    let scope = "atproto rpc:com.example.method?aud=did:web:appview.example%23bsky_appview \
                 rpc:app.bsky.actor.getProfile?aud=* rpc:chat.bsky.convo.getLog?aud=did:web:other.example%23svc";
    let caller = Caller::with(&server, &alice, scope).await;
    let other = ("atproto-proxy", "did:web:other.example#svc");
    // What may pass finds nobody at the other end.
    let passes = |reply: Reply| assert_eq!(reply.status, 502, "{reply:?}");
    passes(caller.get(&server, "/xrpc/com.example.method", &[]).await);
    passes(caller.get(&server, "/xrpc/app.bsky.actor.getProfile?actor=a.test", &[other]).await);
    passes(caller.get(&server, "/xrpc/chat.bsky.convo.getLog", &[other]).await);
    let refused = caller.get(&server, "/xrpc/com.example.method", &[other]).await;
    assert_eq!(
        refusal(&refused),
        missing("rpc:com.example.method?aud=did:web:other.example%23svc")
    );
    for (path, method) in [
        ("/xrpc/app.bsky.feed.getTimeline", "app.bsky.feed.getTimeline"),
        ("/xrpc/app.bsky.actor.getPreferences", "app.bsky.actor.getPreferences"),
        ("/xrpc/com.example.other", "com.example.other"),
        ("/xrpc/chat.bsky.convo.getLog", "chat.bsky.convo.getLog"),
    ] {
        let refused = caller.get(&server, path, &[]).await;
        let scope = format!("rpc:{method}?aud={did}%23bsky_appview");
        assert_eq!(refusal(&refused), missing(&scope));
    }
    let generic = Caller::with(&server, &alice, ALL).await;
    passes(generic.get(&server, "/xrpc/com.example.other", &[other]).await);
    let chat = generic.get(&server, "/xrpc/chat.bsky.convo.getLog", &[other]).await;
    assert_eq!(chat.error(), (403, "ScopeMissingError".into()));
    let with_chat =
        Caller::with(&server, &alice, "atproto transition:generic transition:chat.bsky").await;
    passes(with_chat.get(&server, "/xrpc/chat.bsky.convo.getLog", &[other]).await);
}

#[tokio::test]
async fn service_tokens_are_held_against_method_and_audience() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let caller =
        Caller::with(&server, &alice, "atproto rpc:com.example.method?aud=did:web:a.example%23svc")
            .await;
    let ask = async |query: &str| {
        let path = format!("/xrpc/com.atproto.server.getServiceAuth?{query}");
        caller.get(&server, &path, &[]).await
    };
    assert_eq!(ask("aud=did:web:a.example%23svc&lxm=com.example.method").await.status, 200);
    for query in [
        "aud=did:web:a.example%23svc&lxm=com.example.other",
        "aud=did:web:b.example%23svc&lxm=com.example.method",
        "aud=did:web:a.example%23svc",
    ] {
        assert_eq!(ask(query).await.error(), (403, "ScopeMissingError".into()), "{query}");
    }
}

#[tokio::test]
async fn a_client_may_deactivate_the_account_and_ends_itself_by_that() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let reader = Caller::with(&server, &alice, "atproto account:status").await;
    let method = "com.atproto.server.deactivateAccount";
    let refused = reader.post(&server, method, &json!({})).await;
    assert_eq!(refusal(&refused), missing("account:status?action=manage"));
    let caller = Caller::with(&server, &alice, "atproto account:status?action=manage").await;
    let deleting = json!({ "deleteAfter": "2040-01-01T00:00:00Z" });
    let refused = caller.post(&server, method, &deleting).await;
    assert_eq!(refused.error(), (403, "Forbidden".into()), "it cannot delete");
    assert_eq!(caller.post(&server, method, &json!({})).await.status, 200);
    let after = caller.get(&server, "/xrpc/com.atproto.server.getSession", &[]).await;
    assert_eq!(after.error(), (401, "invalid_token".into()));
}
