//! What holds for every page of the table.

use std::path::Path;

use cairn_server::web::{self, PageInfo};

use crate::harness::{Reply, Server};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml");

async fn server() -> Server {
    Server::with(|config| config.dev_mode = true).await
}

fn path(page: &PageInfo) -> String {
    let mut path = String::new();
    for part in page.path.split('{') {
        match part.split_once('}') {
            Some((_, rest)) => path.push_str(&format!("x{rest}")),
            None => path.push_str(part),
        }
    }
    path
}

/// What protects whoever looks at an answer.
fn assert_headers(page: &str, reply: &Reply) {
    let policy = reply.header("content-security-policy");
    for rule in
        ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(rule), "{page}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{page}: {policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=63072000"),
        ("cache-control", "no-store"),
        ("access-control-allow-origin", ""),
    ] {
        assert_eq!(reply.header(name), value, "{page}: {name}");
    }
}

#[tokio::test]
async fn every_page_has_the_headers() {
    let server = server().await;
    for page in web::pages().iter().filter(|page| !page.is_form) {
        let reply = server.get_with(&path(page), &[BROWSER]).await;
        assert!(reply.status.as_u16() < 500, "{page:?}: {}", reply.status);
        assert_headers(page.path, &reply);
        if reply.status == 200 {
            assert!(reply.content_type().starts_with("text/html"), "{page:?}");
        }
    }
    for missing in ["/account/nothing-here", "/nothing"] {
        let reply = server.get_with(missing, &[BROWSER]).await;
        assert_eq!(reply.status, 404, "{missing}");
        assert_headers(missing, &reply);
    }
}

#[tokio::test]
async fn every_form_refuses_what_does_not_come_from_our_page() {
    let server = server().await;
    let page = server.get_with("/admin/sign-in", &[BROWSER]).await;
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-device="), "{cookie}");
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let (_, after) = html.split_once("name=\"csrf\" value=\"").unwrap();
    let token = after.split('"').next().unwrap().to_owned();

    let forms: Vec<PageInfo> = web::pages().into_iter().filter(|page| page.is_form).collect();
    assert!(!forms.is_empty());
    for form in forms {
        let kind = if form.takes_file {
            ("content-type", "multipart/form-data; boundary=x")
        } else {
            ("content-type", "application/x-www-form-urlencoded")
        };
        let encoded = |fields: &str| match fields.split_once('=') {
            Some((name, value)) if form.takes_file => format!(
                "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--x--\r\n"
            ),
            _ => fields.to_owned(),
        };
        let here = ("sec-fetch-site", "same-origin");
        let cookie = ("cookie", cookie.as_str());
        let good = format!("csrf={token}");
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[here, cookie], "a=b"),
            (&[here, cookie], "csrf=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            (&[here], &good),
            (
                &[here, ("cookie", "__Host-device=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")],
                &good,
            ),
            (&[("sec-fetch-site", "cross-site"), cookie], &good),
            (&[("sec-fetch-site", "same-site"), cookie], &good),
            (&[("sec-fetch-site", "none"), cookie], &good),
            (&[("origin", "https://evil.example"), cookie], &good),
            (&[("origin", "null"), cookie], &good),
        ];
        for (headers, body) in cases {
            let headers: Vec<_> = headers.iter().copied().chain([kind, BROWSER]).collect();
            let reply = server.post_with(&path(&form), &headers, encoded(body)).await;
            assert_eq!(reply.status, 403, "{form:?} {headers:?} {body}");
            assert_headers(form.path, &reply);
        }
        // With everything in order it is taken, or refused for another reason.
        let headers = [here, kind, cookie, BROWSER];
        let reply = server.post_with(&path(&form), &headers, encoded(&good)).await;
        assert_ne!(reply.status, 403, "{form:?}");
        assert!(reply.status.as_u16() < 500, "{form:?}: {}", reply.status);
    }
}

#[tokio::test]
async fn programs_get_errors_as_before() {
    let server = server().await;
    assert_eq!(server.get("/nothing").await.error(), (404, "NotFound".into()));
    assert_eq!(server.get("/account/nothing").await.error(), (404, "NotFound".into()));
    assert_eq!(server.post_with("/account/preferences", &[], "").await.status, 400);
    assert_eq!(server.post_with("/", &[], "").await.status, 405);
}

#[tokio::test]
async fn the_first_view_is_small_and_asks_for_little() {
    let server = Server::start().await;
    let gzip = ("accept-encoding", "gzip");
    let page = server.get_with("/", &[BROWSER, gzip]).await;
    let mut bytes = page.body.len();
    let plain = server.get_with("/", &[BROWSER]).await;
    let html = String::from_utf8(plain.body.to_vec()).unwrap();
    let assets: Vec<&str> = html.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 2, "{assets:?}");
    for asset in assets {
        let reply = server.get_with(asset, &[gzip]).await;
        assert_eq!(reply.status, 200, "{asset}");
        assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
        bytes += reply.body.len();
    }
    assert!(bytes < 30 * 1024, "{bytes} bytes");
    assert_eq!(server.get("/assets/0000000000000000/page.js").await.status, 404);
    assert_eq!(server.get_with("/dev/gallery", &[BROWSER]).await.status, 404);
}

#[tokio::test]
async fn pages_speak_the_language_of_their_reader() {
    let server = Server::start().await;
    let lang = async |headers: &[(&str, &str)], path: &str| {
        let headers: Vec<_> = headers.iter().copied().chain([BROWSER]).collect();
        let reply = server.get_with(path, &headers).await;
        let html = String::from_utf8(reply.body.to_vec()).unwrap();
        html.split_once("<html lang=\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let french = ("accept-language", "fr-CA,fr;q=0.9,en;q=0.5");
    let chosen = ("cookie", "__Host-language=en");
    assert_eq!(lang(&[], "/").await, "en");
    assert_eq!(lang(&[french], "/").await, "fr");
    assert_eq!(lang(&[french], "/?ui_locales=de+en").await, "en");
    assert_eq!(lang(&[french, chosen], "/?ui_locales=fr").await, "en");
}

#[tokio::test]
async fn the_demonstration_client_lives_at_a_loopback_address_beside_its_server() {
    let local = |dev_mode: bool| {
        Server::with(move |config| {
            config.dev_mode = dev_mode;
            config.public_url = "http://localhost:2583".into();
        })
    };
    let server = local(true).await;
    let at = async |host: &str| server.get_with("/dev/client", &[BROWSER, ("host", host)]).await;
    let moved = at("localhost:2583").await;
    let home = "http://127.0.0.1:2583/dev/client";
    assert_eq!((moved.status.as_u16(), moved.header("location")), (303, home));
    let page = at("127.0.0.1:2583").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("connect-src 'self' http://localhost:2583;"), "{policy}");
    assert!(policy.contains("script-src 'self';"), "{policy}");
    let front = server.get_with("/", &[BROWSER]).await;
    assert!(String::from_utf8(front.body.to_vec()).unwrap().contains(home));
    let front = front.header("content-security-policy").to_owned();
    assert!(front.contains("connect-src 'self';"), "{front}");
    // Nor where the server is one for people, or does not live on this machine.
    for server in [local(false).await, self::server().await] {
        assert_eq!(server.get_with("/dev/client", &[BROWSER]).await.status, 404);
    }
}

/// What looks at the pages in a browser holds what it has seen against this list.
/// `CAIRN_WRITE_DOCS=1 cargo test -p cairn-server what_looks_at_pages` writes it anew.
#[test]
fn what_looks_at_pages_knows_each_of_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/pages/table.json");
    let rows: Vec<String> = web::pages()
        .iter()
        .filter(|page| !page.is_form)
        .map(|page| format!("  \"{}\"", page.path))
        .collect();
    let list = format!("[\n{}\n]\n", rows.join(",\n"));
    if std::env::var_os("CAIRN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &list).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, list, "write tests/interop/pages/table.json anew with CAIRN_WRITE_DOCS=1");
}
