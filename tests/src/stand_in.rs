//! A service that stands in for an AppView, a moderation service or any other that servers pass requests on to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use cairn_identity::service_auth::Verifier;
use cairn_identity::{Clock, PublicKey};
use cairn_model::{Did, Nsid};
use cairn_server::config::ServiceTarget;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::World;

/// A service on loopback. It remembers what it was asked, and answers what it was told to answer.
#[derive(Clone)]
pub struct StandIn(Arc<Inner>);

struct Inner {
    world: World,
    base: String,
    did: Did,
    verifier: Verifier,
    answers: Mutex<HashMap<String, Answer>>,
    seen: Mutex<Vec<Seen>>,
    repository_key: Mutex<Option<PublicKey>>,
}

type Answer = Arc<dyn Fn(&Seen) -> Response + Send + Sync>;

/// A request as the service saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub nsid: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The account that signed the request for this service and method, or why it is not believed.
    pub signer: Result<Did, String>,
    /// The other end of the connection.
    pub peer: SocketAddr,
}

impl StandIn {
    /// A service of its own DID, with AppView, notifications and labeler in the DID's document.
    pub async fn start(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let did = Did::parse(&format!("did:web:localhost%3A{port}")).unwrap();
        let service = Self(Arc::new(Inner {
            world: world.clone(),
            base: format!("http://localhost:{port}"),
            verifier: Verifier::new([did.to_string()]),
            did,
            answers: Mutex::default(),
            seen: Mutex::default(),
            repository_key: Mutex::default(),
        }));
        let router = Router::new().fallback(answer).with_state(service.clone());
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, router).await });
        service
    }

    pub fn did(&self) -> &Did {
        &self.0.did
    }

    pub fn base(&self) -> &str {
        &self.0.base
    }

    /// As a server's configuration names it.
    pub fn target(&self) -> ServiceTarget {
        ServiceTarget { url: self.0.base.parse().unwrap(), did: self.0.did.clone() }
    }

    /// Has the DID's document name the service as the host of the DID's own repository, which this key signs.
    pub fn has_repository(&self, key: &PublicKey) {
        *self.0.repository_key.lock().unwrap() = Some(*key);
    }

    /// Sets the answer to a method. Without one, the service says what it was asked.
    pub fn on(&self, nsid: &str, answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) {
        self.0.answers.lock().unwrap().insert(nsid.to_owned(), Arc::new(answer));
    }

    /// Answers a method with JSON, as a service that has followed the caller's repository up to `rev`.
    pub fn on_json(&self, nsid: &str, rev: Option<&str>, json: Value) {
        let rev = rev.map(str::to_owned);
        self.on(nsid, move |_| {
            let mut response = Json(json.clone()).into_response();
            if let Some(rev) = &rev {
                response.headers_mut().insert("atproto-repo-rev", rev.parse().unwrap());
            }
            response
        });
    }

    /// What was asked so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// What was asked last.
    #[track_caller]
    pub fn last(&self) -> Seen {
        self.lock().last().cloned().expect("a request came")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.seen.lock().unwrap()
    }

    async fn signer(&self, nsid: &str, headers: &HeaderMap) -> Result<Did, String> {
        let header = headers.get(header::AUTHORIZATION).ok_or("nobody")?;
        let token = header.to_str().unwrap().strip_prefix("Bearer ").ok_or("no bearer")?;
        let lxm = Nsid::parse(nsid).map_err(|err| err.to_string())?;
        let world = &self.0.world;
        let verified =
            self.0.verifier.verify(token, &lxm, &world.resolver(), world.clock().now()).await;
        verified.map(|verified| verified.iss).map_err(|err| err.to_string())
    }

    fn document(&self) -> Response {
        let service = |id: &str, kind: &str| json!({ "id": id, "type": kind, "serviceEndpoint": self.0.base });
        let services = [
            service("#atproto_pds", "AtprotoPersonalDataServer"),
            service("#bsky_appview", "BskyAppView"),
            service("#bsky_notif", "BskyNotificationService"),
            service("#atproto_labeler", "AtprotoLabeler"),
            json!({ "id": "#other", "type": "Other", "serviceEndpoint": { "not": "a URL" } }),
        ];
        let key = self.0.repository_key.lock().unwrap();
        let keys: Vec<Value> = key
            .iter()
            .map(|key| {
                json!({ "id": "#atproto", "type": "Multikey", "controller": self.0.did,
                        "publicKeyMultibase": key.multikey() })
            })
            .collect();
        let document = json!({ "id": self.0.did, "service": services, "verificationMethod": keys });
        Json(document).into_response()
    }
}

async fn answer(
    State(service): State<StandIn>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(nsid) = parts.uri.path().strip_prefix("/xrpc/") else { return service.document() };
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let seen = Seen {
        method: parts.method.to_string(),
        nsid: nsid.to_owned(),
        query: parts.uri.query().map(str::to_owned),
        signer: service.signer(nsid, &parts.headers).await,
        headers: parts.headers,
        body,
        peer,
    };
    service.lock().push(seen.clone());
    let answer = service.0.answers.lock().unwrap().get(nsid).cloned();
    match answer {
        Some(answer) => answer(&seen),
        None => Json(json!({ "nsid": seen.nsid, "query": seen.query })).into_response(),
    }
}

impl Seen {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The claims of the token, unchecked.
    pub fn claims(&self) -> Value {
        let token = self.header("authorization").unwrap();
        let body = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(body.as_bytes()).unwrap())
            .unwrap()
    }
}

/// An error as services answer it.
pub fn refusal(status: u16, error: &str, message: &str) -> Response {
    let body = Json(json!({ "error": error, "message": message }));
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

/// A body that comes piece by piece, with a pause before each.
pub fn slowly(pieces: usize, piece: Bytes, pause: Duration) -> Body {
    let pieces = futures_util::stream::iter(0..pieces).then(move |_| {
        let piece = piece.clone();
        async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(piece)
        }
    });
    Body::from_stream(pieces)
}
