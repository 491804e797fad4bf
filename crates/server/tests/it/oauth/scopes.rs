//! Which scope each method needs: what the table of endpoints says, what a refusal says, and what lets a call pass.

use std::collections::HashMap;
use std::path::Path;

use cairn_server::auth::AuthPolicy;
use cairn_server::config::ServiceTarget;
use cairn_server::xrpc::table::TABLE;
use cairn_server::xrpc::{Endpoint, InputPolicy, Kind};
use http::Method;
use serde_json::json;

use super::methods::{Caller, JSON, missing, record, refusal};
use crate::harness::{Person, Reply, Server};

/// Scopes that depend on the call, for the calls that [`call`] makes.
const OF_THE_CALL: &[(&str, &str)] = &[
    ("app.bsky.notification.registerPush", "did:web:push.example%23bsky_notif"),
    ("app.bsky.notification.unregisterPush", "did:web:push.example%23bsky_notif"),
    ("com.atproto.moderation.createReport", "did:web:reports.example%23atproto_labeler"),
    ("com.atproto.repo.applyWrites", "repo:a.b.c?action=delete"),
    ("com.atproto.repo.createRecord", "repo:com.example.note?action=create"),
    ("com.atproto.repo.deleteRecord", "repo:com.example.note?action=delete"),
    ("com.atproto.repo.putRecord", "repo:com.example.note?action=create&action=update"),
    ("com.atproto.repo.uploadBlob", "blob:text/plain"),
    ("com.atproto.server.getServiceAuth", "rpc:a.b.c?aud=did:web:a.example%23svc"),
];

/// What `docs/endpoints.md` says of each method's scope.
fn documented() -> HashMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/endpoints.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut group = "";
    let mut scopes = HashMap::new();
    for line in text.lines() {
        group = line.strip_prefix("## ").unwrap_or(group);
        if let [_, name, _, _, scope, ..] = line.split('|').collect::<Vec<_>>()[..]
            && name.trim().starts_with('`')
        {
            let nsid = format!("{group}.{}", name.trim().trim_matches('`'));
            scopes.insert(nsid, scope.trim().to_owned());
        }
    }
    scopes
}

/// The scope that a call needs by the documents: `None` if any client may make it.
fn needed(nsid: &str, documented: &str) -> Option<String> {
    if documented == "any" {
        return None;
    }
    let inside = documented.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    if let Some(scope) = inside.filter(|scope| !scope.contains('`')) {
        return Some(scope.to_owned());
    }
    let kind = documented.trim_start_matches('`').split('`').next().unwrap();
    let listed = OF_THE_CALL.iter().find(|(name, _)| *name == nsid).map(|(_, needed)| *needed);
    let scope = match listed {
        Some(service) if service.starts_with("did:") => format!("rpc:{nsid}?aud={service}"),
        Some(scope) => scope.to_owned(),
        None => format!("rpc:{nsid}?aud=did:web:appview.example%23bsky_appview"),
    };
    assert!(scope.starts_with(&format!("{kind}:")), "{nsid}: {documented}, {scope}");
    Some(scope)
}

/// What a client that has none of a call's scopes is told: the first.
fn first(scope: &str) -> &str {
    scope.split('&').next().unwrap()
}

/// Something less than a scope, of the same kind: to read for what is to manage, and a part for all of it.
fn nearly(scope: &str) -> Option<String> {
    match scope {
        "identity:*" => Some("identity:handle".to_owned()),
        "identity:handle" => None,
        _ if scope.starts_with("account:") => Some(scope.replace("?action=manage", "")),
        _ if scope.starts_with("rpc:") => Some(scope.replace("did:web:", "did:web:other.")),
        _ if scope.starts_with("blob:") => Some(scope.replace("text/", "image/")),
        _ => Some(scope.replacen('.', ".other.", 1)),
    }
}

async fn server() -> Server {
    let target = |did: &str| {
        Some(ServiceTarget {
            url: "http://127.0.0.1:9".parse().unwrap(),
            did: did.parse().unwrap(),
        })
    };
    Server::with(|config| {
        config.appview = target("did:web:appview.example");
        config.reports = target("did:web:reports.example");
    })
    .await
}

/// The methods that sessions may call.
fn endpoints() -> Vec<&'static Endpoint> {
    let takes_sessions = |endpoint: &&Endpoint| {
        matches!(
            endpoint.auth,
            AuthPolicy::Session(_)
                | AuthPolicy::SessionOrService(_)
                | AuthPolicy::SessionOrModerator(_)
        )
    };
    let endpoints: Vec<_> = TABLE.sorted().into_iter().filter(takes_sessions).collect();
    assert!(endpoints.len() > 35, "{}", endpoints.len());
    endpoints
}

/// A call of a method that is right in form as far as scopes are concerned.
async fn call(server: &Server, caller: &Caller, alice: &Person, endpoint: &Endpoint) -> Reply {
    let path = format!("/xrpc/{}", endpoint.nsid);
    let token = &caller.tokens.access;
    let (method, headers, body): (_, &[(&str, &str)], _) = match (endpoint.kind, endpoint.input) {
        (Kind::Query | Kind::Subscription, _) => (Method::GET, &[], Vec::new()),
        (Kind::Procedure, InputPolicy::None) => (Method::POST, &[], Vec::new()),
        (Kind::Procedure, InputPolicy::Json { .. }) => {
            let input = match endpoint.nsid {
                "com.atproto.repo.applyWrites" => json!({ "repo": alice.did, "writes": [{
                    "$type": "com.atproto.repo.applyWrites#delete", "collection": "a.b.c", "rkey": "k",
                }] }),
                name if name.starts_with("com.atproto.repo.") => {
                    let mut input = record(alice, "com.example.note");
                    input["rkey"] = json!("key");
                    input
                }
                _ => json!({ "serviceDid": "did:web:push.example" }),
            };
            (Method::POST, &[JSON], input.to_string().into_bytes())
        }
        (Kind::Procedure, InputPolicy::Blob) => {
            (Method::POST, &[("content-type", "text/plain")], b"x".to_vec())
        }
        (Kind::Procedure, InputPolicy::Car) => {
            (Method::POST, &[("content-type", "application/vnd.ipld.car")], b"x".to_vec())
        }
    };
    let path = match endpoint.nsid {
        "com.atproto.server.getServiceAuth" => {
            format!("{path}?aud=did:web:a.example%23svc&lxm=a.b.c")
        }
        "app.bsky.feed.getFeed" => {
            format!("{path}?feed=at://{}/app.bsky.feed.generator/x", alice.did)
        }
        _ if endpoint.kind == Kind::Query => {
            format!(
                "{path}?actor={0}&actors={0}&uri=at://{0}/a.b.c/d&anchor=at://{0}/a.b.c/d",
                alice.did
            )
        }
        _ => path,
    };
    caller.client.call(server, token, method, &path, headers, body).await
}

#[tokio::test]
async fn a_client_with_atproto_alone_may_do_what_any_client_may_and_is_told_what_else_needs() {
    let (server, documented) = (server().await, documented());
    let alice = server.person("alice").await;
    let caller = Caller::with(&server, &alice, "atproto").await;
    for endpoint in endpoints() {
        let nsid = endpoint.nsid;
        let reply = call(&server, &caller, &alice, endpoint).await;
        let documented = documented.get(nsid).unwrap_or_else(|| panic!("no row for {nsid}"));
        if documented == "–" {
            assert_eq!(reply.error(), (403, "Forbidden".into()), "{nsid}");
            continue;
        }
        match needed(nsid, documented) {
            None => assert!(reply.status != 403, "{nsid} {reply:?}"),
            Some(scope) => assert_eq!(refusal(&reply), missing(first(&scope)), "{nsid}"),
        }
    }
}

/// Another error than that of a missing scope is enough: the services are not there, and most inputs are wrong.
#[tokio::test]
async fn exactly_the_scope_that_is_asked_for_will_do() {
    let (server, documented) = (server().await, documented());
    let mut seen = Vec::new();
    for (number, endpoint) in endpoints().into_iter().enumerate() {
        let nsid = endpoint.nsid;
        if documented[nsid] == "–" {
            continue;
        }
        let Some(scope) = needed(nsid, &documented[nsid]) else { continue };
        // An account for each: some calls end sessions.
        let person = server.person(&format!("person{number}")).await;
        if let Some(less) = nearly(&scope) {
            let caller = Caller::with(&server, &person, &format!("atproto {less}")).await;
            let refused = call(&server, &caller, &person, endpoint).await;
            assert_eq!(refusal(&refused), missing(first(&scope)), "{nsid} with {less}");
        }
        let caller = Caller::with(&server, &person, &format!("atproto {scope}")).await;
        let reply = call(&server, &caller, &person, endpoint).await;
        if nsid == "app.bsky.feed.getFeed" {
            // The feed's generator is asked in the account's name as well.
            let skeleton = "rpc:app.bsky.feed.getFeedSkeleton";
            assert!(refusal(&reply).2.contains(skeleton) || reply.status != 403, "{reply:?}");
            continue;
        }
        assert!(!matches!(reply.status.as_u16(), 401 | 403), "{nsid} with {scope}: {reply:?}");
        seen.push(nsid);
    }
    for named in [
        "app.bsky.notification.registerPush",
        "com.atproto.identity.requestPlcOperationSignature",
        "com.atproto.identity.signPlcOperation",
        "com.atproto.identity.submitPlcOperation",
        "com.atproto.identity.updateHandle",
        "com.atproto.repo.importRepo",
        "com.atproto.server.confirmEmail",
        "com.atproto.server.deactivateAccount",
        "com.atproto.server.requestEmailConfirmation",
    ] {
        assert!(seen.contains(&named), "{named} was not called: {seen:?}");
    }
}
