//! Rate limits as clients see them.

use cairn_server::config::{Secret, WriteLimits};

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
        config.trusted_proxies = vec!["203.0.113.0/24".parse().unwrap()];
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
