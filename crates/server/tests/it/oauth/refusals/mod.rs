//! Every refusal that the RFCs and the profile of the AT Protocol know, one row each: a request that is right but for one
//! thing, the answer's status and the error's name. After each row nothing has changed, and the same request without the
//! fault is taken at the end.

mod assertions;
mod documents;
mod grants;
mod proofs;
mod requests;
mod tokens;

use axum::body::Body;
use cairn_identity::{Clock, SigningKey};
use data_encoding::BASE64URL_NOPAD;
use http::Method;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Client, ISSUER, random};
use crate::harness::{Person, Reply, Server, request};

const SCOPE: &str = "atproto transition:generic";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// One fault, and what is said to it.
struct Row {
    name: &'static str,
    spoil: fn(&mut Ask),
    expected: (u16, &'static str),
}

const fn row(name: &'static str, error: &'static str, spoil: fn(&mut Ask)) -> Row {
    Row { name, spoil, expected: (400, error) }
}

impl Row {
    const fn status(mut self, status: u16) -> Self {
        self.expected.0 = status;
        self
    }
}

/// A token in the making.
struct Jwt {
    header: Value,
    claims: Value,
    key: SigningKey,
}

impl Jwt {
    /// Signed by the key, whatever the header says.
    fn text(&self) -> String {
        let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let input = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let signature = BASE64URL_NOPAD.encode(&self.key.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// Moves a time of the claims.
    fn shift(&mut self, name: &str, seconds: i64) {
        let now = self.claims["iat"].as_i64().unwrap();
        self.claims[name] = json!(now + seconds);
    }
}

/// A request in the making.
struct Ask {
    method: Method,
    path: &'static str,
    params: Map<String, Value>,
    /// A parameter that is sent twice.
    repeated: Option<&'static str>,
    proof: Option<Jwt>,
    /// What is sent as proofs in the place of the one above.
    proofs: Option<Vec<String>>,
    assertion: Option<Jwt>,
    headers: Vec<(&'static str, String)>,
}

impl Ask {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.params.insert(name.to_owned(), Value::String(value.into()));
    }

    fn remove(&mut self, name: &str) {
        assert!(self.params.remove(name).is_some(), "there is no {name}");
    }

    fn proof(&mut self) -> &mut Jwt {
        self.proof.as_mut().unwrap()
    }

    fn assertion(&mut self) -> &mut Jwt {
        self.assertion.as_mut().unwrap()
    }

    fn body(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.params {
            form.append_pair(name, value.as_str().unwrap());
            if self.repeated == Some(name) {
                form.append_pair(name, value.as_str().unwrap());
            }
        }
        if let Some(assertion) = &self.assertion {
            form.append_pair("client_assertion", &assertion.text());
        }
        form.finish()
    }
}

/// A server, somebody with an account there, and a client.
struct Stage {
    server: Server,
    alice: Person,
    client: Client,
}

impl Stage {
    async fn with(client: Client) -> Self {
        let server = Server::start().await;
        let alice = server.person("alice").await;
        // For the nonce.
        client.post_once(&server, "/oauth/token", &[("grant_type", "refresh_token")]).await;
        client.post_once(&server, "/oauth/revoke", &[("token", "x")]).await;
        Self { server, alice, client }
    }

    async fn public() -> Self {
        Self::with(Client::loopback(SCOPE)).await
    }

    async fn confidential() -> Self {
        Self::with(Client::discoverable(true, SCOPE).await).await
    }

    /// A request of the client with nothing wrong.
    fn ask(&self, path: &'static str, params: &[(&str, &str)]) -> Ask {
        let mut ask = Ask {
            method: Method::POST,
            path,
            params: Map::new(),
            repeated: None,
            proof: Some(self.proof(path)),
            proofs: None,
            assertion: self.assertion(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
        };
        ask.set("client_id", &self.client.id);
        if ask.assertion.is_some() {
            ask.set("client_assertion_type", JWT_BEARER);
        }
        for (name, value) in params {
            ask.set(name, *value);
        }
        ask
    }

    fn now(&self) -> i64 {
        self.server.clock.now().as_second()
    }

    fn proof(&self, path: &str) -> Jwt {
        let key = self.client.dpop_key.clone();
        let nonce = self.client.nonce.lock().unwrap().clone();
        Jwt {
            header: json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.public().to_jwk() }),
            claims: json!({
                "jti": random(), "htm": "POST", "htu": format!("{ISSUER}{path}"),
                "iat": self.now(), "nonce": nonce.unwrap(),
            }),
            key,
        }
    }

    fn assertion(&self) -> Option<Jwt> {
        let (kid, key) = self.client.assertion_key.clone()?;
        let id = &self.client.id;
        Some(Jwt {
            header: json!({ "alg": "ES256", "kid": kid }),
            claims: json!({
                "iss": id, "sub": id, "aud": ISSUER, "jti": random(), "iat": self.now(),
            }),
            key,
        })
    }

    /// The pushed request for a verifier.
    fn push(&self, verifier: &str) -> Ask {
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(verifier));
        let params = [
            ("response_type", "code"),
            ("redirect_uri", &*self.client.redirect_uri()),
            ("scope", SCOPE),
            ("state", "a state"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        self.ask("/oauth/par", &params)
    }

    async fn send(&self, ask: &Ask) -> Reply {
        let proofs = ask.proofs.clone();
        let proofs = proofs.unwrap_or_else(|| ask.proof.iter().map(Jwt::text).collect());
        let mut headers: Vec<(&str, &str)> =
            ask.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.extend(proofs.iter().map(|proof| ("dpop", proof.as_str())));
        let body = if ask.method == Method::POST { ask.body() } else { String::new() };
        self.server.send(request(ask.method.clone(), ask.path, &headers, Body::from(body))).await
    }

    /// What alice has given to clients.
    async fn state(&self) -> String {
        let store = &self.server.app.store;
        let account = store.account(&self.alice.did).await.unwrap().unwrap();
        let sessions = store.oauth_sessions_of(account.id).await.unwrap();
        let consents = store.authorized_clients_of(account.id).await.unwrap();
        format!("{sessions:?} {consents:?} {:?}", account.status())
    }

    /// Sends a right request with the fault of each row.
    async fn refuses(&self, rows: &[Row], right: impl Fn() -> Ask) {
        let before = self.state().await;
        for row in rows {
            let mut ask = right();
            (row.spoil)(&mut ask);
            let reply = self.send(&ask).await;
            let name = format!("{}: {}", ask.path, row.name);
            assert_eq!(reply.error(), (row.expected.0, row.expected.1.into()), "{name} {reply:?}");
            if ask.path.starts_with("/oauth/") {
                let description = reply.json()["error_description"].as_str().unwrap().to_owned();
                let is_plain = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
                assert!(!description.is_empty() && description.chars().all(is_plain), "{name}");
                assert_eq!(reply.header("cache-control"), "no-store", "{name}");
            }
            let is_bearer = ask.headers.iter().any(|(_, value)| value.starts_with("Bearer"));
            assert!(is_bearer || !reply.header("dpop-nonce").is_empty(), "{name}");
            assert_eq!(self.state().await, before, "{name}");
        }
    }

    /// Sends a right request as it is.
    async fn takes(&self, right: &Ask, status: u16) -> Value {
        let reply = self.send(right).await;
        assert_eq!(reply.status, status, "{}: {reply:?}", right.path);
        reply.json()
    }
}
