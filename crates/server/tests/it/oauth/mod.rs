//! OAuth as a client goes through it: a site with its documents, keys, nonces, and a person who agrees.

mod clients;
mod documents;
mod flow;
mod methods;
mod refusals;
mod rules;
mod scopes;
mod sessions;
mod site;

use std::sync::Mutex;

use axum::body::Body;
use cairn_identity::jws::{self, Header};
use cairn_identity::{Clock, Curve, SigningKey};
use cairn_oauth::request::Response;
use cairn_oauth::scope::Scopes;
use cairn_server::oauth::authorize;
use cairn_store::{Account, DeviceId, Factor, NewDevice, NewSignIn};
use data_encoding::BASE64URL_NOPAD;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Person, Reply, Server, request};

use site::Site;

const ISSUER: &str = "https://pds.test";
const REDIRECT: &str = "https://app.example.com/callback";

/// An app in one browser, or a server with a key of its own.
pub(crate) struct Client {
    pub(crate) id: String,
    dpop_key: SigningKey,
    /// Its key id and key, if it authenticates.
    assertion_key: Option<(String, SigningKey)>,
    nonce: Mutex<Option<String>>,
    site: Option<Site>,
}

/// What a client holds after the exchange of a code.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) answer: Value,
}

impl Client {
    /// An app on the person's own machine that declares these scopes.
    pub(crate) fn loopback(scope: &str) -> Self {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("scope", scope)
            .append_pair("redirect_uri", "http://127.0.0.1/callback")
            .finish();
        Self::new(format!("http://localhost?{query}"), None, None)
    }

    /// A client with a document, public or confidential.
    pub(crate) async fn discoverable(confidential: bool, scope: &str) -> Self {
        let site = Site::start().await;
        let id = site.url("/client.json");
        let mut document = json!({
            "client_id": id,
            "client_name": "An app",
            "application_type": "web",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": scope,
            "redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": "none",
            "dpop_bound_access_tokens": true,
        });
        let key = confidential.then(|| ("k1".to_owned(), SigningKey::generate(Curve::P256)));
        if let Some((kid, key)) = &key {
            document["token_endpoint_auth_method"] = json!("private_key_jwt");
            document["token_endpoint_auth_signing_alg"] = json!("ES256");
            document["jwks_uri"] = json!(site.url("/jwks.json"));
            site.serve("/jwks.json", jwks(kid, key));
        }
        site.serve("/client.json", document);
        Self::new(id, key, Some(site))
    }

    fn new(id: String, assertion_key: Option<(String, SigningKey)>, site: Option<Site>) -> Self {
        let dpop_key = SigningKey::generate(Curve::P256);
        Self { id, dpop_key, assertion_key, nonce: Mutex::default(), site }
    }

    /// The same client in the hands of somebody who has not got its DPoP key.
    fn with_other_key(&self) -> Self {
        Self {
            id: self.id.clone(),
            dpop_key: SigningKey::generate(Curve::P256),
            assertion_key: self.assertion_key.clone(),
            nonce: Mutex::default(),
            site: None,
        }
    }

    fn site(&self) -> &Site {
        self.site.as_ref().unwrap()
    }

    fn redirect_uri(&self) -> String {
        match &self.site {
            Some(_) => REDIRECT.to_owned(),
            None => "http://127.0.0.1:8123/callback".to_owned(),
        }
    }

    /// A proof for a request, with an access token perhaps.
    pub(crate) fn proof(
        &self,
        server: &Server,
        method: &Method,
        path: &str,
        token: Option<&str>,
    ) -> String {
        let header = Header {
            typ: Some("dpop+jwt".to_owned()),
            extra: [("jwk".to_owned(), self.dpop_key.public().to_jwk())].into_iter().collect(),
            ..Header::default()
        };
        let path = path.split('?').next().unwrap();
        let mut claims = json!({
            "jti": random(),
            "htm": method.as_str(),
            "htu": format!("{ISSUER}{path}"),
            "iat": server.clock.now().as_second(),
        });
        if let Some(nonce) = &*self.nonce.lock().unwrap() {
            claims["nonce"] = json!(nonce);
        }
        if let Some(token) = token {
            claims["ath"] = json!(BASE64URL_NOPAD.encode(&Sha256::digest(token)));
        }
        jws::sign(&self.dpop_key, header, &claims)
    }

    fn assertion(&self, server: &Server) -> Option<String> {
        let (kid, key) = self.assertion_key.as_ref()?;
        let header = Header { kid: Some(kid.clone()), ..Header::default() };
        let now = server.clock.now().as_second();
        let claims = json!({
            "iss": self.id, "sub": self.id, "aud": ISSUER, "jti": random(), "iat": now, "exp": now + 60,
        });
        Some(jws::sign(key, header, &claims))
    }

    /// Posts parameters with the client's credentials and a proof; once more if the server wants another nonce.
    pub(crate) async fn post(&self, server: &Server, path: &str, params: &[(&str, &str)]) -> Reply {
        let reply = self.post_once(server, path, params).await;
        if reply.error().1 == "use_dpop_nonce" {
            return self.post_once(server, path, params).await;
        }
        reply
    }

    pub(crate) async fn post_once(
        &self,
        server: &Server,
        path: &str,
        params: &[(&str, &str)],
    ) -> Reply {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", &self.id).extend_pairs(params);
        if let Some(assertion) = self.assertion(server) {
            form.append_pair(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            );
            form.append_pair("client_assertion", &assertion);
        }
        let proof = self.proof(server, &Method::POST, path, None);
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("dpop", proof.as_str())];
        let reply = server.post_with(path, &headers, form.finish()).await;
        self.note_nonce(&reply);
        reply
    }

    pub(crate) fn note_nonce(&self, reply: &Reply) {
        let nonce = reply.header("dpop-nonce");
        if !nonce.is_empty() {
            *self.nonce.lock().unwrap() = Some(nonce.to_owned());
        }
    }

    /// Calls a method with an access token; once more if the server wants another nonce.
    pub(crate) async fn call(
        &self,
        server: &Server,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        for _ in 0..2 {
            let proof = self.proof(server, &method, path, Some(token));
            let authorization = format!("DPoP {token}");
            let mut all = vec![("authorization", authorization.as_str()), ("dpop", &proof)];
            all.extend_from_slice(headers);
            let request = request(method.clone(), path, &all, Body::from(body.clone()));
            let reply = server.send(request).await;
            self.note_nonce(&reply);
            let again = !reply.status.is_success() && reply.error().1 == "use_dpop_nonce";
            if !again {
                return reply;
            }
        }
        panic!("the server takes none of its own nonces");
    }

    /// Pushes a request.
    pub(crate) async fn push(&self, server: &Server, scope: &str, verifier: &str) -> Reply {
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(verifier));
        let redirect_uri = self.redirect_uri();
        let params = [
            ("response_type", "code"),
            ("redirect_uri", redirect_uri.as_str()),
            ("scope", scope),
            ("state", "a state"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        self.post(server, "/oauth/par", &params).await
    }

    /// The code that a person's consent gives.
    pub(crate) async fn code(
        &self,
        server: &Server,
        person: &Person,
        scope: &str,
        verifier: &str,
    ) -> String {
        let pushed = self.push(server, scope, verifier).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
        let account = server.app.store.account(&person.did).await.unwrap().unwrap();
        let device = browser(server, &account).await;
        let open = authorize::load_request(&server.app, &uri, &self.id, device).await.unwrap();
        let scopes = Scopes::parse(scope);
        let answer = authorize::grant(&server.app, &open, device, &account, &scopes).await.unwrap();
        let Response::Redirect(url) = answer else { panic!("not a redirect: {answer:?}") };
        let answer: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert_eq!(answer[0], ("iss".to_owned(), ISSUER.to_owned()));
        assert_eq!(answer[1], ("state".to_owned(), "a state".to_owned()));
        assert_eq!(answer[2].0, "code");
        answer[2].1.clone()
    }

    pub(crate) async fn exchange(&self, server: &Server, code: &str, verifier: &str) -> Reply {
        let redirect_uri = self.redirect_uri();
        let params = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", verifier),
        ];
        self.post(server, "/oauth/token", &params).await
    }

    pub(crate) async fn refresh(&self, server: &Server, token: &str) -> Reply {
        let params = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(server, "/oauth/token", &params).await
    }

    /// The whole way.
    pub(crate) async fn sign_in(&self, server: &Server, person: &Person, scope: &str) -> Tokens {
        let verifier = random();
        let code = self.code(server, person, scope, &verifier).await;
        tokens(&self.exchange(server, &code, &verifier).await)
    }
}

/// What an answer of the token endpoint holds.
pub(crate) fn tokens(reply: &Reply) -> Tokens {
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    Tokens { access: text("access_token"), refresh: text("refresh_token"), answer: answer.clone() }
}

/// A browser on which the account is signed in.
pub(crate) async fn browser(server: &Server, account: &Account) -> DeviceId {
    let store = &server.app.store;
    let secret_hash = cairn_identity::random_bytes();
    let new = NewDevice { secret_hash, user_agent: None, ip: None };
    let device = store.create_device(new).await.unwrap().id;
    let sign_in = NewSignIn {
        device,
        account: account.id,
        password_hash: None,
        remember: true,
        factors: vec![Factor::Password],
        trust: false,
    };
    store.sign_in_on_device(sign_in).await.unwrap();
    device
}

/// 43 characters that nobody has used before.
pub(crate) fn random() -> String {
    BASE64URL_NOPAD.encode(&cairn_identity::random_bytes::<32>())
}

fn jwks(kid: &str, key: &SigningKey) -> Value {
    let mut jwk = key.public().to_jwk();
    jwk["kid"] = json!(kid);
    json!({ "keys": [jwk] })
}
