//! An app that the owner of an account has let in by OAuth, on the server's pages: its calls carry a proof each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, bail};
use bytes::Bytes;
use cairn_identity::jws::{self, Header};
use cairn_identity::{Curve, SigningKey, random_bytes};
use data_encoding::BASE64URL_NOPAD;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded::{Serializer, parse};

use crate::accounts::{Account, PASSWORD};
use crate::client::Client;

const SCOPE: &str = "atproto transition:generic";
const REDIRECT_URI: &str = "http://127.0.0.1/callback";
const FORM: &str = "application/x-www-form-urlencoded";

/// An app with a session of one account.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) account: Account,
    key: SigningKey,
    client_id: String,
    issuer: String,
    nonce: Mutex<String>,
    /// Proofs for calls of one procedure that are made already.
    made: Mutex<Vec<String>>,
    tokens: Mutex<Tokens>,
}

#[derive(Clone, Debug, Default)]
struct Tokens {
    access: String,
    refresh: String,
}

/// An answer that has come in whole.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    fn html(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

async fn send(
    client: &mut Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> anyhow::Result<Answer> {
    let response = client.send_with(method, path, headers, Bytes::from(body)).await?;
    let (parts, body) = response.into_parts();
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await?.to_bytes(),
    })
}

impl App {
    /// Has the owner of an account sign in and agree.
    pub(crate) async fn sign_in(
        client: &mut Client,
        account: Account,
    ) -> anyhow::Result<Arc<Self>> {
        let metadata = client
            .get("/.well-known/oauth-authorization-server", None)
            .await
            .context("metadata")?;
        let metadata: Value = serde_json::from_slice(&metadata)?;
        let issuer = metadata.get("issuer").and_then(Value::as_str).context("no issuer")?;
        let fields = [("scope", SCOPE), ("redirect_uri", REDIRECT_URI)];
        let query = encoded(&fields);
        let app = Self {
            account,
            key: SigningKey::generate(Curve::P256),
            client_id: format!("http://localhost?{query}"),
            issuer: issuer.to_owned(),
            nonce: Mutex::default(),
            made: Mutex::default(),
            tokens: Mutex::default(),
        };
        let verifier = BASE64URL_NOPAD.encode(&random_bytes::<32>());
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(&verifier));
        let request = [
            ("response_type", "code"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("state", "s"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let pushed = app.post(client, "/oauth/par", &request).await?;
        let uri = pushed.get("request_uri").and_then(Value::as_str).context("no request_uri")?;
        let code = Person::default().agree(client, &app, uri).await.context("on the pages")?;
        let exchange = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", &verifier),
        ];
        app.take(client, &exchange).await?;
        Ok(Arc::new(app))
    }

    /// Makes proofs for calls to come of a procedure, of which no other is called then: what a proof costs its maker does not
    /// slow the load down.
    pub(crate) fn make_proofs(&self, nsid: &str, count: usize) {
        let access = lock(&self.tokens).access.clone();
        let path = format!("/xrpc/{nsid}");
        let made = (0..count).map(|_| self.proof(&path, Some(&access))).collect();
        *lock(&self.made) = made;
    }

    /// Calls a procedure with a proof.
    pub(crate) async fn call(
        &self,
        client: &mut Client,
        nsid: &str,
        input: &Value,
    ) -> anyhow::Result<()> {
        let path = format!("/xrpc/{nsid}");
        let access = lock(&self.tokens).access.clone();
        let authorization = format!("DPoP {access}");
        let more =
            [("authorization", authorization.as_str()), ("content-type", "application/json")];
        self.proven(client, &path, &more, Some(&access), &input.to_string()).await.map(drop)
    }

    /// Gets the next tokens.
    pub(crate) async fn refresh(&self, client: &mut Client) -> anyhow::Result<()> {
        let refresh = lock(&self.tokens).refresh.clone();
        let params = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        self.take(client, &params).await
    }

    async fn take(&self, client: &mut Client, params: &[(&str, &str)]) -> anyhow::Result<()> {
        let answer = self.post(client, "/oauth/token", params).await?;
        let text = |name: &str| {
            let text = answer.get(name).and_then(Value::as_str);
            text.map(str::to_owned).with_context(|| format!("no {name}"))
        };
        *lock(&self.tokens) =
            Tokens { access: text("access_token")?, refresh: text("refresh_token")? };
        Ok(())
    }

    async fn post(
        &self,
        client: &mut Client,
        path: &str,
        params: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let client_id = [("client_id", self.client_id.as_str())];
        let form = encoded(&[&client_id[..], params].concat());
        self.proven(client, path, &[("content-type", FORM)], None, &form).await?.json()
    }

    /// Sends a request with a proof, and once more if the server wants another nonce.
    async fn proven(
        &self,
        client: &mut Client,
        path: &str,
        headers: &[(&str, &str)],
        token: Option<&str>,
        body: &str,
    ) -> anyhow::Result<Answer> {
        let mut made = token.and_then(|_| lock(&self.made).pop());
        for _ in 0..2 {
            let proof = made.take().unwrap_or_else(|| self.proof(path, token));
            let mut all = vec![("dpop", proof.as_str())];
            all.extend_from_slice(headers);
            let answer = send(client, Method::POST, path, &all, body.to_owned()).await?;
            answer.header("dpop-nonce").clone_into(&mut lock(&self.nonce));
            if answer.status.is_success() {
                return Ok(answer);
            }
            if answer.json()?.get("error") != Some(&json!("use_dpop_nonce")) {
                bail!("{path} answered {}: {}", answer.status, answer.html());
            }
        }
        bail!("{path} takes no nonce");
    }

    fn proof(&self, path: &str, token: Option<&str>) -> String {
        let header = Header {
            typ: Some("dpop+jwt".to_owned()),
            extra: [("jwk".to_owned(), self.key.public().to_jwk())].into_iter().collect(),
            ..Header::default()
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut claims = json!({
            "jti": BASE64URL_NOPAD.encode(&random_bytes::<16>()),
            "htm": "POST",
            "htu": format!("{}{path}", self.issuer),
            "iat": now.as_secs(),
        });
        if let Some(claims) = claims.as_object_mut() {
            let nonce = lock(&self.nonce).clone();
            if !nonce.is_empty() {
                claims.insert("nonce".to_owned(), nonce.into());
            }
            if let Some(token) = token {
                let hash = BASE64URL_NOPAD.encode(&Sha256::digest(token));
                claims.insert("ath".to_owned(), hash.into());
            }
        }
        jws::sign(&self.key, header, &claims)
    }
}

/// The owner of an account with a browser: cookies, and forms as they are.
#[derive(Default)]
struct Person {
    cookies: BTreeMap<String, String>,
}

impl Person {
    /// Signs in, lets the app do all that it asks for, and gives the code that the browser is sent back with.
    async fn agree(mut self, client: &mut Client, app: &App, uri: &str) -> anyhow::Result<String> {
        let fields = [("client_id", app.client_id.as_str()), ("request_uri", uri)];
        let query = encoded(&fields);
        let entry = self.look(client, &format!("/oauth/authorize?{query}")).await?;
        // The first answer gives the cookie that the request is tied to.
        let entry = self.look(client, entry.header("location")).await?;
        let page = self.look(client, entry.header("location")).await?.html();
        let (csrf, next) = (value_of(&page, "csrf")?, value_of(&page, "next")?);
        let fields = [
            ("csrf", csrf.as_str()),
            ("username", &app.account.did),
            ("password", PASSWORD),
            ("next", &next),
        ];
        let signed_in = self.submit(client, "/account/sign-in", &fields).await?;
        let page = self.look(client, signed_in.header("location")).await?.html();
        let (csrf, account) = (value_of(&page, "csrf")?, value_of(&page, "account")?);
        let mut fields = vec![
            ("csrf", csrf.as_str()),
            ("request_uri", uri),
            ("account", &account),
            ("decision", "allow"),
        ];
        let boxes = page.split("name=\"keep\" value=\"").skip(1);
        fields.extend(boxes.filter_map(|rest| Some(("keep", rest.split('"').next()?))));
        let answer = self.submit(client, "/oauth/authorize/request", &fields).await?;
        let (_, query) = answer.header("refresh").split_once('?').context("no answer")?;
        let code = parse(query.as_bytes()).find(|(name, _)| name == "code");
        Ok(code.context("no code")?.1.into_owned())
    }

    async fn look(&mut self, client: &mut Client, path: &str) -> anyhow::Result<Answer> {
        self.go(client, Method::GET, path, String::new()).await
    }

    async fn submit(
        &mut self,
        client: &mut Client,
        path: &str,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let form = encoded(fields);
        let answer = self.go(client, Method::POST, path, form).await?;
        // It leads somewhere, at once or by a page that goes on.
        if answer.status != StatusCode::SEE_OTHER && answer.header("refresh").is_empty() {
            bail!("{path} answered {}", answer.status);
        }
        Ok(answer)
    }

    async fn go(
        &mut self,
        client: &mut Client,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<Answer> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = [("accept", "text/html"), ("cookie", &cookies), ("content-type", FORM)];
        let answer = send(client, method, path, &headers, body).await?;
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The value of a field of a page.
fn value_of(html: &str, name: &str) -> anyhow::Result<String> {
    let found = html.split_once(&format!(" name=\"{name}\" value=\""));
    let (_, after) = found.with_context(|| format!("the page has no field {name}"))?;
    Ok(after.split('"').next().unwrap_or_default().replace("&#38;", "&"))
}

fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
