//! The guarded client: what it refuses, and its caps.

use crate::support;

use std::net::IpAddr;
use std::time::Duration;

use cairn_identity::{FetchError, FetchRequest, GuardPolicy, GuardedClient, is_public_ip};
use futures_util::TryStreamExt;
use support::{Answer, HttpServer, ok};
use url::Url;

fn client(allow_private: bool) -> GuardedClient {
    let policy = GuardPolicy {
        allow_private,
        timeout: Duration::from_secs(5),
        max_bytes: 1000,
        max_redirects: 3,
        ..GuardPolicy::default()
    };
    GuardedClient::new(policy).unwrap()
}

async fn get(client: &GuardedClient, url: &str) -> Result<Vec<u8>, FetchError> {
    let request = FetchRequest::get(Url::parse(url).unwrap());
    client.fetch(request).await.map(|response| response.body.to_vec())
}

#[test]
fn special_addresses_are_not_public() {
    let private = [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    for ip in private {
        assert!(!is_public_ip(ip.parse::<IpAddr>().unwrap()), "{ip}");
    }
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.0.1",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "2001:4860::8888",
    ];
    for ip in public {
        assert!(is_public_ip(ip.parse::<IpAddr>().unwrap()), "{ip}");
    }
}

#[tokio::test]
async fn private_addresses_are_refused_in_every_spelling() {
    let server = HttpServer::start(|_| ok("secret")).await;
    let port = server.addr.port();
    let client = client(false);
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "0.0.0.0",
    ] {
        let error = get(&client, &format!("https://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(error, FetchError::PrivateAddress), "{host}: {error:?}");
    }
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn plain_http_other_schemes_and_credentials_are_refused() {
    let strict = client(false);
    assert!(matches!(get(&strict, "http://example.com/").await, Err(FetchError::Scheme)));
    let with_user = get(&strict, "https://user@example.com/").await;
    assert!(matches!(with_user, Err(FetchError::Credentials)));
    let dev = client(true);
    assert!(matches!(get(&dev, "ftp://example.com/").await, Err(FetchError::Scheme)));
    assert!(matches!(get(&dev, "file:///etc/passwd").await, Err(FetchError::Scheme)));
}

#[tokio::test]
async fn redirects_are_followed_and_checked_at_each_hop() {
    let server = HttpServer::start(|head| {
        let to =
            |location: &str| Answer("302 Found", format!("location: {location}\r\n"), Vec::new());
        match head.split(' ').nth(1).unwrap() {
            "/start" => to("/next"),
            "/next" => ok("there"),
            "/loop" => to("/loop"),
            "/ftp" => to("ftp://example.com/"),
            "/user" => to("http://user:password@localhost/"),
            _ => Answer("302 Found", String::new(), Vec::new()),
        }
    })
    .await;
    let client = client(true);
    let fetch = |path| client.fetch(FetchRequest::get(server.url(path)));
    let response = fetch("/start").await.unwrap();
    assert_eq!(response.body, "there");
    assert_eq!(response.url, server.url("/next"));
    assert!(matches!(fetch("/loop").await, Err(FetchError::TooManyRedirects)));
    assert!(matches!(fetch("/ftp").await, Err(FetchError::Scheme)));
    assert!(matches!(fetch("/user").await, Err(FetchError::Credentials)));
    assert!(matches!(fetch("/nowhere").await, Err(FetchError::BadRedirect)));
    let kept = FetchRequest::get(server.url("/start")).no_redirects();
    assert_eq!(client.fetch(kept).await.unwrap().status, 302);
    let post = FetchRequest::post_json(server.url("/start"), &1).unwrap();
    assert_eq!(client.fetch(post).await.unwrap().status, 302);
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_origin() {
    let second = HttpServer::start(|head| ok(head.to_owned())).await;
    let location = second.url("/");
    let first = HttpServer::start(move |_| {
        Answer("307 Temporary Redirect", format!("location: {location}\r\n"), Vec::new())
    })
    .await;
    let request = FetchRequest::get(first.url("/")).header(
        reqwest::header::AUTHORIZATION,
        reqwest::header::HeaderValue::from_static("Bearer secret"),
    );
    let response = client(true).fetch(request).await.unwrap();
    let seen = String::from_utf8(response.body.to_vec()).unwrap().to_lowercase();
    assert!(seen.contains("accept-encoding: identity"), "{seen}");
    assert!(!seen.contains("secret"), "{seen}");
}

#[tokio::test]
async fn large_bodies_are_cut_off_declared_or_not() {
    let server = HttpServer::start(|head| {
        let headers =
            if head.starts_with("GET /declared") { "content-length: 1001\r\n" } else { "" };
        Answer("200 OK", headers.to_owned(), vec![b'x'; 1001])
    })
    .await;
    let client = client(true);
    for path in ["/declared", "/endless"] {
        let error = client.fetch(FetchRequest::get(server.url(path))).await.unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { max_bytes: 1000 }), "{path}: {error:?}");
    }
    let wide = FetchRequest::get(server.url("/endless")).max_bytes(1001);
    assert_eq!(client.fetch(wide).await.unwrap().body.len(), 1001);
    let streamed = client.send(FetchRequest::get(server.url("/endless"))).await.unwrap();
    let result: Result<Vec<_>, _> = streamed.body.try_collect().await;
    assert!(matches!(result, Err(FetchError::TooLarge { .. })));
}

#[tokio::test]
async fn coded_bodies_are_refused_when_read_whole() {
    let server = HttpServer::start(|_| {
        Answer("200 OK", "content-encoding: gzip\r\n".to_owned(), vec![1, 2, 3])
    })
    .await;
    let error = client(true).fetch(FetchRequest::get(server.url("/"))).await.unwrap_err();
    assert!(matches!(error, FetchError::ContentCoding), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_times_out() {
    // Bound but never accepted.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let request = FetchRequest::get(url).timeout(Duration::from_millis(50));
    let error = client(true).fetch(request).await.unwrap_err();
    assert!(matches!(error, FetchError::Timeout), "{error:?}");
}
