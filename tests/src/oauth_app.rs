//! An app that signs people in by OAuth.

use std::sync::{Arc, Mutex};

use axum::Router;
use cairn_identity::jws::{self, Header};
use cairn_identity::{Clock, Curve, SigningKey, TestClock};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::{TestPds, View, World};

/// The name of a confidential app's key.
const KEY_ID: &str = "k1";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client with a key for its proofs, and another one if it authenticates.
pub struct OAuthApp {
    pub client_id: String,
    pub redirect_uri: String,
    scope: String,
    key: SigningKey,
    assertion_key: Option<SigningKey>,
    nonce: Mutex<Option<String>>,
    http: reqwest::Client,
    clock: Arc<TestClock>,
    site: Option<AbortHandle>,
}

impl Drop for OAuthApp {
    fn drop(&mut self) {
        if let Some(site) = &self.site {
            site.abort();
        }
    }
}

/// A request that a server has taken.
#[derive(Clone, Debug)]
pub struct Pushed {
    pub request_uri: String,
    verifier: String,
    /// The page's address with which the app sends somebody away.
    pub page: String,
}

/// What an endpoint or a method answers.
#[derive(Debug)]
pub struct AppAnswer {
    pub status: u16,
    pub json: Value,
}

impl AppAnswer {
    #[track_caller]
    pub fn ok(&self) -> &Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        &self.json
    }

    /// Status and the error's name.
    pub fn error(&self) -> (u16, &str) {
        (self.status, self.json["error"].as_str().unwrap_or_default())
    }

    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        let text = self.ok()[name].as_str();
        text.unwrap_or_else(|| panic!("no {name}: {self:?}")).to_owned()
    }
}

impl OAuthApp {
    /// An app on the person's own device that declares these scopes.
    pub fn loopback(world: &World, scope: &str) -> Self {
        let fields = [("scope", scope), ("redirect_uri", "http://127.0.0.1/callback")];
        let id = reqwest::Url::parse_with_params("http://localhost/", fields).unwrap();
        let id = format!("http://localhost?{}", id.query().unwrap());
        Self::new(world, id, "http://127.0.0.1:8123/callback".to_owned(), scope)
    }

    /// An app with a host of its own. `more` goes into its document.
    pub async fn hosted(world: &World, scope: &str, more: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let id = format!("{base}/client.json");
        let redirect_uri = "https://app.example/callback".to_owned();
        let mut document = json!({
            "client_id": id,
            "application_type": "web",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": scope,
            "redirect_uris": [redirect_uri],
            "token_endpoint_auth_method": "none",
            "dpop_bound_access_tokens": true,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            document[name] = value.clone();
        }
        let router = Router::new().fallback(move || {
            let document = document.clone();
            async move { axum::Json(document) }
        });
        let served = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut app = Self::new(world, id, redirect_uri, scope);
        app.site = Some(served.abort_handle());
        app
    }

    /// An app with a host of its own that proves who it is by a key.
    pub async fn confidential(world: &World, scope: &str) -> Self {
        let key = SigningKey::generate(Curve::P256);
        let mut jwk = key.public().to_jwk();
        jwk["kid"] = json!(KEY_ID);
        let more = json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": { "keys": [jwk] },
        });
        let mut app = Self::hosted(world, scope, more).await;
        app.assertion_key = Some(key);
        app
    }

    fn new(world: &World, client_id: String, redirect_uri: String, scope: &str) -> Self {
        cairn_identity::install_crypto_provider();
        Self {
            client_id,
            redirect_uri,
            scope: scope.to_owned(),
            key: SigningKey::generate(Curve::P256),
            assertion_key: None,
            nonce: Mutex::default(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            clock: Arc::clone(world.clock()),
            site: None,
        }
    }

    /// Pushes a request for all that the app declares. `more` goes into it.
    pub async fn push(&self, pds: &TestPds, more: &[(&str, &str)]) -> Pushed {
        let verifier = random();
        let answer = self.push_with(pds, &verifier, more).await;
        let request_uri = answer.text("request_uri");
        let fields = [("client_id", self.client_id.as_str()), ("request_uri", &request_uri)];
        let page = reqwest::Url::parse_with_params("x:/oauth/authorize", fields).unwrap();
        let page = format!("/oauth/authorize?{}", page.query().unwrap());
        Pushed { request_uri, verifier, page }
    }

    /// Pushes a request that may be refused.
    pub async fn try_push(&self, pds: &TestPds, more: &[(&str, &str)]) -> AppAnswer {
        self.push_with(pds, &random(), more).await
    }

    async fn push_with(&self, pds: &TestPds, verifier: &str, more: &[(&str, &str)]) -> AppAnswer {
        let challenge = BASE64URL_NOPAD.encode(&sha256(verifier));
        let fixed = [
            ("response_type", "code"),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("scope", &self.scope),
            ("state", "a state & more"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let is_given = |name: &str| more.iter().any(|(given, _)| *given == name);
        let fixed = fixed.into_iter().filter(|(name, _)| !is_given(name));
        let params: Vec<(&str, &str)> = fixed.chain(more.iter().copied()).collect();
        self.post(pds, "/oauth/par", &params).await
    }

    /// What the server has sent the browser back with: its fields, after `?` or `#`.
    #[track_caller]
    pub fn answer(&self, view: &View) -> Vec<(String, String)> {
        // At once, or at the end of a form by a page that goes on.
        assert!(matches!(view.status, 200 | 303), "{view:?}");
        let rest = view.location.strip_prefix(&self.redirect_uri);
        let rest = rest.unwrap_or_else(|| panic!("not back to the app: {view:?}"));
        let url = reqwest::Url::parse(&format!("x:/?{}", &rest[1..])).unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// The code that the server has sent the browser back with.
    #[track_caller]
    pub fn code(&self, pds: &TestPds, view: &View) -> String {
        let answer = self.answer(view);
        let names: Vec<&str> = answer.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["iss", "state", "code"], "{view:?}");
        assert_eq!((answer[0].1.as_str(), answer[1].1.as_str()), (pds.url(), "a state & more"));
        answer[2].1.clone()
    }

    /// The error that the server has sent the browser back with.
    #[track_caller]
    pub fn refusal(&self, pds: &TestPds, view: &View) -> String {
        let answer = self.answer(view);
        let names: Vec<&str> = answer.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["iss", "state", "error", "error_description"], "{view:?}");
        assert_eq!((answer[0].1.as_str(), answer[1].1.as_str()), (pds.url(), "a state & more"));
        answer[2].1.clone()
    }

    /// Exchanges a code for tokens.
    pub async fn exchange(&self, pds: &TestPds, pushed: &Pushed, code: &str) -> AppAnswer {
        let params = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &pushed.verifier),
        ];
        self.post(pds, "/oauth/token", &params).await
    }

    pub async fn refresh(&self, pds: &TestPds, token: &str) -> AppAnswer {
        let params = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(pds, "/oauth/token", &params).await
    }

    /// Refreshes for these scopes only.
    pub async fn refresh_for(&self, pds: &TestPds, token: &str, scope: &str) -> AppAnswer {
        let params = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        self.post(pds, "/oauth/token", &params).await
    }

    pub async fn revoke(&self, pds: &TestPds, token: &str) -> AppAnswer {
        self.post(pds, "/oauth/revoke", &[("token", token)]).await
    }

    /// Calls a method with an access token: a procedure if there is input, else a query.
    pub async fn call(
        &self,
        pds: &TestPds,
        token: &str,
        nsid: &str,
        input: Option<Value>,
    ) -> AppAnswer {
        let path = format!("/xrpc/{nsid}");
        self.send(
            pds,
            &path,
            Some(token),
            |request| match &input {
                Some(input) => request.json(input),
                None => request,
            },
            if input.is_some() { Method::POST } else { Method::GET },
        )
        .await
    }

    async fn post(&self, pds: &TestPds, path: &str, params: &[(&str, &str)]) -> AppAnswer {
        let mut form = reqwest::Url::parse_with_params("x:/", params).unwrap();
        form.query_pairs_mut().append_pair("client_id", &self.client_id);
        self.send(
            pds,
            path,
            None,
            |request| {
                // An assertion serves once, whatever comes of its request.
                let mut form = form.clone();
                form.query_pairs_mut().extend_pairs(self.assertion(pds));
                request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form.query().unwrap().to_owned())
            },
            Method::POST,
        )
        .await
    }

    /// Sends a request with a proof, and once more if the server wants another nonce.
    async fn send(
        &self,
        pds: &TestPds,
        path: &str,
        token: Option<&str>,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
        method: Method,
    ) -> AppAnswer {
        for _ in 0..2 {
            let proof = self.proof(pds, &method, path, token);
            let url = format!("{}{path}", pds.anyone.base);
            let mut request = self.http.request(method.clone(), url).header("dpop", proof);
            if let Some(token) = token {
                request = request.header("authorization", format!("DPoP {token}"));
            }
            let response = complete(request).send().await.unwrap();
            if let Some(nonce) = response.headers().get("dpop-nonce") {
                *self.nonce.lock().unwrap() = Some(nonce.to_str().unwrap().to_owned());
            }
            let status = response.status().as_u16();
            let body = response.bytes().await.unwrap();
            let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let answer = AppAnswer { status, json };
            if answer.error().1 != "use_dpop_nonce" {
                return answer;
            }
        }
        panic!("the server takes none of its own nonces");
    }

    /// What shows who the app is, if it has a key.
    fn assertion(&self, pds: &TestPds) -> Vec<(&'static str, String)> {
        let Some(key) = &self.assertion_key else { return Vec::new() };
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::default() };
        let now = self.clock.now().as_second();
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": pds.url(),
            "jti": random(),
            "iat": now,
            "exp": now + 60,
        });
        vec![
            ("client_assertion_type", ASSERTION_TYPE.to_owned()),
            ("client_assertion", jws::sign(key, header, &claims)),
        ]
    }

    fn proof(&self, pds: &TestPds, method: &Method, path: &str, token: Option<&str>) -> String {
        let header = Header {
            typ: Some("dpop+jwt".to_owned()),
            extra: [("jwk".to_owned(), self.key.public().to_jwk())].into_iter().collect(),
            ..Header::default()
        };
        let mut claims = json!({
            "jti": random(),
            "htm": method.as_str(),
            "htu": format!("{}{path}", pds.url()),
            "iat": self.clock.now().as_second(),
        });
        if let Some(nonce) = &*self.nonce.lock().unwrap() {
            claims["nonce"] = json!(nonce);
        }
        if let Some(token) = token {
            claims["ath"] = json!(BASE64URL_NOPAD.encode(&sha256(token)));
        }
        jws::sign(&self.key, header, &claims)
    }
}

fn random() -> String {
    HEXLOWER.encode(&cairn_identity::random_bytes::<32>())
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}
