//! Every method, and every route beside them, with parameters and bodies that nobody meant: an answer in bounded time, with the protocol's form of
//! error, and never a 500. The store's own check at the end of each server shows that nothing was broken underneath.

use std::time::Duration;

use axum::body::Body;
use cairn_server::auth::SessionScope;
use cairn_server::routes::{self, Errors, Route};
use cairn_server::xrpc::table::TABLE;
use cairn_server::xrpc::{Endpoint, InputPolicy, Kind};
use data_encoding::BASE64;
use http::{Method, Request, StatusCode, header};

use crate::harness::{ADMIN_PASSWORD, Person, Reply, Server};

/// Calls per method and credential.
const CALLS: usize = 40;
/// Far beyond what any of these calls takes: a call that is still running then hangs.
const HANGS: Duration = Duration::from_secs(60);

/// Names of parameters and fields, of all methods together.
const NAMES: &[&str] = &[
    "account",
    "accounts",
    "activate",
    "actor",
    "actors",
    "aud",
    "allowTakendown",
    "appId",
    "authFactorToken",
    "blob",
    "cid",
    "cids",
    "code",
    "codeCount",
    "codes",
    "collection",
    "content",
    "createAvailable",
    "cursor",
    "deactivated",
    "deleteAfter",
    "did",
    "dids",
    "email",
    "emailAuthFactor",
    "exp",
    "feed",
    "forAccount",
    "forAccounts",
    "handle",
    "identifier",
    "includeUsed",
    "inviteCode",
    "limit",
    "lxm",
    "name",
    "note",
    "nsid",
    "operation",
    "password",
    "plcOp",
    "platform",
    "preferences",
    "privileged",
    "reason",
    "reasonType",
    "recipientDid",
    "record",
    "recoveryKey",
    "repo",
    "reverse",
    "rkey",
    "rotationKeys",
    "senderDid",
    "serviceDid",
    "services",
    "signingKey",
    "since",
    "sort",
    "subject",
    "swapCommit",
    "swapRecord",
    "takedown",
    "token",
    "uri",
    "uris",
    "useCount",
    "validate",
    "verificationMethods",
    "writes",
];

/// Numbers that look random and are the same at every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound
    }
}

/// A small generator of hostile input.
struct Hostile {
    rng: Numbers,
    /// Values that mean something on this server.
    known: Vec<String>,
}

impl Hostile {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.rng.below(from.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.rng.below(one_in) == 0
    }

    fn text(&mut self) -> String {
        if !self.chance(3) {
            let at = self.rng.below(self.known.len());
            return self.known[at].clone();
        }
        match self.rng.below(9) {
            0 => String::new(),
            1 => "x".repeat(4_000),
            2 => "\u{0}\u{1}\u{7f}".into(),
            3 => "𝕏\u{202e}é\u{301}".into(),
            4 => "../../../etc/passwd".into(),
            5 => "9".repeat(400),
            6 => "at://".into(),
            7 => "did:".into(),
            _ => format!("{}", self.rng.next()),
        }
    }

    /// JSON as text: not everything of it can be said by a value of `serde_json`.
    fn json(&mut self, depth: u32) -> String {
        match self.rng.below(if depth > 3 { 7 } else { 10 }) {
            0..=2 => serde_json::to_string(&self.text()).unwrap(),
            3 => self
                .pick(&["0", "-1", "1", "50", "9223372036854775807", "9223372036854775808"])
                .into(),
            4 => self.pick(&["true", "false", "null", "1.5", "1e400", "{}", "[]"]).into(),
            5 => r#"{"$link":"bafy"}"#.into(),
            6 => r#"{"$type":"blob","ref":{"$link":"x"},"mimeType":1,"size":-1}"#.into(),
            7 => {
                let inner: Vec<String> =
                    (0..self.rng.below(4)).map(|_| self.json(depth + 1)).collect();
                format!("[{}]", inner.join(","))
            }
            _ => self.object(depth + 1),
        }
    }

    fn object(&mut self, depth: u32) -> String {
        let count = self.rng.below(8);
        let mut fields: Vec<String> =
            (0..count).map(|_| format!("{:?}:{}", self.pick(NAMES), self.json(depth))).collect();
        if self.chance(3) {
            let kind = self.pick(&[
                "app.bsky.feed.post",
                "com.atproto.admin.defs#repoRef",
                "com.atproto.repo.strongRef",
                "com.atproto.repo.applyWrites#create",
                "nonsense",
            ]);
            fields.push(format!(r#""$type":"{kind}""#));
        }
        format!("{{{}}}", fields.join(","))
    }

    /// An object with most of the fields that some method could ask for.
    fn rich_object(&mut self) -> String {
        let mut fields = Vec::new();
        for name in NAMES {
            if !self.chance(4) {
                fields.push(format!("{name:?}:{}", self.json(1)));
            }
        }
        format!("{{{}}}", fields.join(","))
    }

    fn query(&mut self) -> String {
        let mut query = String::new();
        for name in NAMES {
            if self.chance(2) {
                for _ in 0..=self.rng.below(2) {
                    let value = self.text();
                    let value: String =
                        url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                    query += &format!("{name}={value}&");
                }
            }
        }
        if self.chance(5) {
            query += self.pick(&["%ff=%00", "&&&=", "limit=%zz", "did", "[]=1&dids[0]=x"]);
        }
        query
    }

    fn body(&mut self, input: InputPolicy) -> (&'static str, Vec<u8>) {
        let kind = match input {
            InputPolicy::Car => "application/vnd.ipld.car",
            InputPolicy::Blob => "image/png",
            InputPolicy::None | InputPolicy::Json { .. } => "application/json",
        };
        let mut bytes = match self.rng.below(10) {
            0 => Vec::new(),
            1 => b"{".repeat(2_000),
            2 => vec![0xff; 300],
            3 => self.json(0).into_bytes(),
            4 | 5 => self.object(0).into_bytes(),
            _ => self.rich_object().into_bytes(),
        };
        if self.chance(8) && !bytes.is_empty() {
            let at = self.rng.below(bytes.len());
            bytes[at] = self.rng.next().to_le_bytes()[0];
        }
        (if self.chance(12) { "text/plain" } else { kind }, bytes)
    }
}

/// `message` is the field in which an error says more.
fn check(reply: &Reply, name: &str, message: &str, what: &str) {
    let status = reply.status.as_u16();
    assert_ne!(status, 500, "{name} {what}: {:?}", reply.body);
    if status >= 400 {
        let json: serde_json::Value = serde_json::from_slice(&reply.body)
            .unwrap_or_else(|err| panic!("{name} {what}: {err}: {:?}", reply.body));
        let error = json["error"].as_str().unwrap_or_default();
        assert!(!error.is_empty() && !error.contains(' '), "{name} {what}: {json}");
        assert!(json[message].is_string(), "{name} {what}: {json}");
    }
}

/// What this method's victims are called, and the credentials that it is called with.
async fn credentials(server: &Server, endpoint: &Endpoint, person: &Person) -> Vec<Option<String>> {
    let now = server.app.now_seconds();
    let service = cairn_identity::service_auth::Claims {
        iss: person.did.to_string(),
        aud: "did:web:pds.test".into(),
        exp: now + 60,
        iat: Some(now),
        nbf: None,
        lxm: Some(endpoint.nsid.into()),
        jti: None,
    };
    let refresh = server.app.tokens.refresh(&person.did, "unknown", now, now + 600);
    vec![
        None,
        Some(format!("Bearer {}", server.token(&person.did, SessionScope::Full))),
        Some(format!("Basic {}", BASE64.encode(format!("admin:{ADMIN_PASSWORD}").as_bytes()))),
        Some(format!("Bearer {refresh}")),
        Some(format!("Bearer {}", cairn_identity::service_auth::create(&person.key, &service))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_input_makes_a_method_fail_or_hang() {
    let server = Server::start().await;
    let mut understood = 0;
    for (number, endpoint) in TABLE.sorted().into_iter().enumerate() {
        // Some of the calls are understood, and take people's accounts away.
        let person = server.person(&format!("p{number}")).await;
        let record = server.write(&person, "com.example.thing/self", "hello").await;
        let blob = server.blob(&person, b"some bytes", "text/plain").await;
        let known = [
            person.did.as_str(),
            &format!("p{number}.pds.test"),
            &format!("p{number}@example.com"),
            "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
            "did:web:nobody.example",
            &format!("at://{}/com.example.thing/self", person.did),
            "com.example.thing",
            "app.bsky.feed.post",
            "self",
            "3jzfcijpj2z2a",
            &record.to_string(),
            &blob.to_string(),
            "2026-11-23T00:00:00Z",
            "https://example.com/",
            "did:web:api.example#svc",
            "50",
            "true",
        ];
        let mut hostile = Hostile {
            rng: Numbers(u64::try_from(number).unwrap()),
            known: known.iter().map(|text| (*text).to_owned()).collect(),
        };
        for credential in credentials(&server, endpoint, &person).await {
            for _ in 0..CALLS {
                let status = call(&server, endpoint, credential.as_deref(), &mut hostile).await;
                understood += usize::from(status.is_some_and(|status| status.is_success()));
            }
        }
    }
    // Hostile enough to be refused, and near enough to get past the first check now and then.
    assert!(understood > 500, "only {understood} calls were understood");
}

async fn call(
    server: &Server,
    endpoint: &Endpoint,
    credential: Option<&str>,
    hostile: &mut Hostile,
) -> Option<StatusCode> {
    let query = hostile.query();
    let path = format!("/xrpc/{}?{query}", endpoint.nsid);
    let method = if endpoint.kind == Kind::Procedure { Method::POST } else { Method::GET };
    let mut request = Request::builder().method(method.clone()).uri(&path);
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, credential);
    }
    let (kind, bytes) = hostile.body(endpoint.input);
    let what = format!("?{query} {kind} {}", String::from_utf8_lossy(&bytes));
    let body = if method == Method::POST {
        request = request.header(header::CONTENT_TYPE, kind);
        Body::from(bytes)
    } else {
        Body::empty()
    };
    // A URI that no client could have sent either.
    let Ok(request) = request.body(body) else { return None };
    let reply = tokio::time::timeout(HANGS, server.send(request))
        .await
        .unwrap_or_else(|_| panic!("{} hangs: {what}", endpoint.nsid));
    check(&reply, endpoint.nsid, "message", &what);
    Some(reply.status)
}

/// Calls per route and credential.
const ROUTE_CALLS: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_input_makes_a_route_beside_the_methods_fail_or_hang() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    server.applicant("waits").await;
    let admin = format!("Basic {}", BASE64.encode(format!("admin:{ADMIN_PASSWORD}").as_bytes()));
    let credentials = [None, Some(admin.as_str()), Some("Basic !"), Some("DPoP x")];
    let mut understood = 0;
    for (number, route) in routes::all().iter().enumerate() {
        let known =
            [alice.did.as_str(), "did:web:waits.example", "alice.pds.test", "pds.test", "50"];
        let mut hostile = Hostile {
            rng: Numbers(1_000 + u64::try_from(number).unwrap()),
            known: known.iter().map(|text| (*text).to_owned()).collect(),
        };
        for credential in credentials.iter().cycle().take(credentials.len() * ROUTE_CALLS) {
            let status = call_route(&server, route, *credential, &mut hostile).await;
            understood += usize::from(status.is_some_and(|status| status.is_success()));
        }
    }
    assert!(understood > 500, "only {understood} calls were understood");
}

async fn call_route(
    server: &Server,
    route: &Route,
    credential: Option<&str>,
    hostile: &mut Hostile,
) -> Option<StatusCode> {
    let value = hostile.text();
    let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut path = crate::routes::filled(route.path, &value);
    path = format!("{path}?{}", if hostile.chance(2) { hostile.query() } else { String::new() });
    let mut request = Request::builder().method(route.method.clone()).uri(&path);
    if hostile.chance(2) {
        request = request.header(header::HOST, hostile.text());
    }
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, credential);
    }
    let is_form = route.errors == Errors::OAuth;
    let (kind, bytes) = match hostile.body(InputPolicy::Json { max_bytes: 0 }) {
        (_, _) if is_form && hostile.chance(2) => {
            ("application/x-www-form-urlencoded", hostile.query().into_bytes())
        }
        sent => sent,
    };
    let what = format!("{path} {kind} {}", String::from_utf8_lossy(&bytes));
    request = request.header(header::CONTENT_TYPE, kind);
    let Ok(request) = request.body(Body::from(bytes)) else { return None };
    let reply = tokio::time::timeout(HANGS, server.send(request))
        .await
        .unwrap_or_else(|_| panic!("{} hangs: {what}", route.path));
    let message = if is_form { "error_description" } else { "message" };
    // A name that nobody has is answered in plain text, as other servers do.
    if reply.status != 404 || route.path != "/.well-known/atproto-did" {
        check(&reply, route.path, message, &what);
    }
    Some(reply.status)
}
