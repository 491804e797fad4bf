//! Rate limits as clients see them.

use cairn_server::config::{Secret, WriteLimits};
use cairn_server::limits::Bucket;
use cairn_server::xrpc::table::TABLE;
use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn limits_are_off_unless_enabled() {
    let server = Server::start().await;
    let reply = server.get("/xrpc/com.atproto.sync.listRepos").await;
    assert_eq!(reply.header("ratelimit-limit"), "");
}

#[tokio::test]
async fn the_global_limit_is_reported_and_enforced_per_address() {
    let server = Server::with(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.bypass_key = Some(Secret::new("skeleton"));
    })
    .await;
    let path = "/xrpc/com.atproto.sync.listRepos";
    let reply = server.get(path).await;
    assert_eq!(reply.header("ratelimit-limit"), "3000");
    assert_eq!(reply.header("ratelimit-remaining"), "2999");
    assert_eq!(reply.header("ratelimit-policy"), "3000;w=300");
    let reset: i64 = reply.header("ratelimit-reset").parse().unwrap();
    assert_eq!(reset, server.app.now_seconds() + 300);
    for _ in 1..3_000 {
        assert_eq!(server.get(path).await.status, 200);
    }
    let reply = server.get(path).await;
    assert_eq!(reply.error(), (429, "RateLimitExceeded".into()));
    assert_eq!(reply.header("retry-after"), "300");
    assert_eq!(reply.header("ratelimit-remaining"), "0");
    assert_eq!(server.get_with(path, &[("x-ratelimit-bypass", "skeleton")]).await.status, 200);
    assert_eq!(server.get_with(path, &[("x-ratelimit-bypass", "key")]).await.status, 429);
    server.clock.advance(std::time::Duration::from_secs(300));
    assert_eq!(server.get(path).await.status, 200);
}

#[tokio::test]
async fn the_addresses_of_one_ipv6_network_count_as_one() {
    let server = Server::with(|config| {
        config.rate_limits.enabled = true;
        config.trusted_proxies.networks = vec!["203.0.113.0/24".parse().unwrap()];
    })
    .await;
    let remaining = async |address: &str| {
        let headers = [("x-forwarded-for", address)];
        let reply = server.get_with("/xrpc/com.atproto.sync.listRepos", &headers).await;
        reply.header("ratelimit-remaining").to_owned()
    };
    assert_eq!(remaining("2001:db8:1:2::1").await, "2999");
    assert_eq!(remaining("2001:db8:1:2:ffff::2").await, "2998");
    assert_eq!(remaining("2001:db8:1:3::1").await, "2999");
    assert_eq!(remaining("198.51.100.1").await, "2999");
    assert_eq!(remaining("198.51.100.2").await, "2999");
}

#[tokio::test]
async fn write_points_are_counted_per_account_even_without_other_limits() {
    let server = Server::with(|config| {
        config.write_limits = Some(WriteLimits { per_hour: 6, per_day: 100 })
    })
    .await;
    let alice = server.person("alice").await;
    let bob = server.person("bob").await;
    let create = async |person: &crate::harness::Person| {
        let body = format!(
            r#"{{"repo":"{}","collection":"com.example.thing","record":{{"$type":"com.example.thing"}}}}"#,
            person.did
        );
        let headers = [("authorization", &*person.bearer()), ("content-type", "application/json")];
        server.post_with("/xrpc/com.atproto.repo.createRecord", &headers, body).await
    };
    assert_eq!(create(&alice).await.status, 200);
    let second = create(&alice).await;
    assert_eq!((second.status.as_u16(), second.header("ratelimit-remaining")), (200, "0"));
    assert_eq!(create(&alice).await.error(), (429, "RateLimitExceeded".into()));
    assert_eq!(create(&bob).await.status, 200);
}

#[tokio::test]
async fn write_points_are_spent_before_the_records_are_looked_at() {
    let server = Server::with(|config| {
        config.write_limits = Some(WriteLimits { per_hour: 3, per_day: 100 })
    })
    .await;
    let alice = server.person("alice").await;
    let ask = async |method: &str, input: serde_json::Value| {
        let headers = [("authorization", &*alice.bearer()), ("content-type", "application/json")];
        server
            .post_with(&format!("/xrpc/com.atproto.repo.{method}"), &headers, input.to_string())
            .await
    };
    let (repo, collection, rkey) = (&alice.did, "app.bsky.feed.post", "3jzfcijpj2z2a");
    let record = json!({ "text": 3 });
    let one = json!({ "repo": repo, "collection": collection, "rkey": rkey, "record": record });
    let write = json!({
        "$type": "com.atproto.repo.applyWrites#create", "collection": collection, "value": record,
    });
    let many = json!({ "repo": repo, "writes": [write] });
    assert_eq!(ask("applyWrites", many.clone()).await.error(), (400, "InvalidRequest".into()));
    for (method, input) in
        [("applyWrites", many), ("createRecord", one.clone()), ("putRecord", one)]
    {
        let answer = ask(method, input).await;
        assert_eq!(answer.error(), (429, "RateLimitExceeded".into()), "{method}");
    }
}

#[tokio::test]
async fn pages_that_do_not_exist_and_wrong_methods_count() {
    let server = Server::with(|config| config.rate_limits.enabled = true).await;
    let lost = server.get("/account/nowhere").await;
    assert_eq!((lost.status.as_u16(), lost.header("ratelimit-remaining")), (404, "2999"));
    let wrong = server.post_with("/assets/nothing", &[], "").await;
    assert_eq!(wrong.header("ratelimit-remaining"), "2998");
}

#[tokio::test]
async fn guesses_at_the_operators_password_are_counted() {
    let server = Server::with(|config| {
        config.rate_limits.enabled = true;
        config.admin_password = Some(Secret::new("right"));
    })
    .await;
    let basic = |password: &str| {
        format!("Basic {}", data_encoding::BASE64.encode(format!("admin:{password}").as_bytes()))
    };
    let (right, wrong) = (basic("right"), basic("wrong"));
    let invites = "/xrpc/com.atproto.admin.getInviteCodes";
    let ask = async |path: &str, password: &str| {
        server.get_with(path, &[("authorization", password)]).await.status.as_u16()
    };
    for _ in 0..60 {
        assert_eq!(ask(invites, &right).await, 200);
    }
    for path in [invites, "/admin/api/outbox"] {
        for _ in 0..25 {
            assert_eq!(ask(path, &wrong).await, 401);
        }
    }
    for path in [invites, "/admin/api/outbox", "/admin/api/sign-ups"] {
        assert_eq!(ask(path, &wrong).await, 429, "{path}");
        assert_eq!(ask(path, &right).await, 429, "{path}: the answer tells that it is right");
    }
    server.clock.advance(std::time::Duration::from_secs(300));
    assert_eq!(ask(invites, &right).await, 200);
}

/// Writes of records, uploads and sign-ins are charged by their handlers.
#[test]
fn methods_spend_the_limits_that_the_reference_gives_them() {
    use Bucket::*;
    let expected: [(&str, &[Bucket]); 18] = [
        ("com.atproto.server.createAccount", &[CreateAccount]),
        ("com.atproto.server.reserveSigningKey", &[ReserveSigningKey]),
        ("com.atproto.server.deleteAccount", &[DeleteAccount]),
        ("com.atproto.server.resetPassword", &[ResetPassword]),
        ("com.atproto.server.requestPasswordReset", &[RequestPasswordReset]),
        ("com.atproto.server.requestAccountDelete", &[RequestAccountDelete]),
        ("com.atproto.server.requestEmailConfirmation", &[RequestEmailConfirmation]),
        ("com.atproto.server.requestEmailUpdate", &[RequestEmailUpdate]),
        ("com.atproto.identity.requestPlcOperationSignature", &[RequestPlcOperation]),
        ("com.atproto.identity.updateHandle", &[UpdateHandle]),
        ("com.atproto.identity.refreshIdentity", &[RefreshIdentity]),
        ("com.atproto.identity.submitPlcOperation", &[Announce]),
        ("com.atproto.server.activateAccount", &[Announce]),
        ("com.atproto.server.deactivateAccount", &[Announce]),
        ("com.atproto.repo.importRepo", &[Announce]),
        ("com.atproto.server.checkAccountStatus", &[CheckAccountStatus]),
        ("com.atproto.lexicon.resolveLexicon", &[ResolveLexicon]),
        ("com.atproto.sync.getRepo", &[GetRepo]),
    ];
    let outside = ["com.atproto.sync.getRepo", "com.atproto.sync.subscribeRepos"];
    for endpoint in TABLE.sorted() {
        let found = expected.iter().find(|(nsid, _)| *nsid == endpoint.nsid);
        let buckets = found.map_or(&[][..], |(_, buckets)| *buckets);
        assert_eq!(endpoint.buckets, buckets, "{}", endpoint.nsid);
        assert_eq!(!endpoint.global_limit, outside.contains(&endpoint.nsid), "{}", endpoint.nsid);
    }
}

#[tokio::test]
async fn pages_and_token_endpoints_have_limits_of_their_own() {
    let server = Server::with(|config| config.rate_limits.enabled = true).await;
    let page = server.get("/").await;
    assert_eq!(page.header("ratelimit-policy"), "3000;w=300");
    assert_eq!(server.get("/xrpc/_health").await.header("ratelimit-remaining"), "2998");
    assert_eq!(server.get("/nowhere").await.header("ratelimit-remaining"), "2997");
    let methods = server.get("/xrpc/com.atproto.sync.listRepos").await;
    assert_eq!(methods.header("ratelimit-remaining"), "2999");

    let token = async || server.post_with("/oauth/token", &[], "").await;
    assert_eq!(token().await.header("ratelimit-policy"), "1500;w=300");
    for _ in 1..1_500 {
        assert_ne!(token().await.status, 429);
    }
    let refused = token().await;
    assert_eq!(refused.error(), (429, "temporarily_unavailable".into()));
    assert_eq!(refused.header("retry-after"), "300");
    assert_eq!(server.get("/").await.status, 200);
}

#[tokio::test]
async fn people_are_told_in_words_that_they_ask_too_often() {
    let server = Server::with(|config| config.rate_limits.enabled = true).await;
    for _ in 0..3_000 {
        assert_eq!(server.get("/robots.txt").await.status, 200);
    }
    for (path, content_type) in [("/", "text/html"), ("/robots.txt", "text/plain")] {
        let refused = server.get_with(path, &[("accept", "text/html,*/*;q=0.8")]).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "300"));
        assert!(refused.content_type().starts_with(content_type), "{refused:?}");
        assert_eq!(server.get(path).await.error(), (429, "RateLimitExceeded".into()));
    }
    // A proxy goes on asking about certificates; its clients do not.
    let check = "/tls-check?domain=pds.test";
    assert_eq!(server.get(check).await.status, 429);
    assert_eq!(server.get_with(check, &[("x-ratelimit-bypass", "?")]).await.status, 429);
}
