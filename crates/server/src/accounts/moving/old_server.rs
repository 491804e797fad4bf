//! The server that an account comes from, asked as any client of it would ask, by a session that its owner has opened.
//!
//! Its address comes from the DID document and is fetched through the guarded client like every other. What it says is a
//! stranger's word: sizes and times are bounded, and whatever matters is checked where it is used.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cairn_identity::{BodyStream, FetchError, FetchRequest, FetchResponse};
use cairn_model::Did;
use cairn_store::AccountId;
use data_encoding::BASE64URL_NOPAD;
use futures_util::TryStreamExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::App;

/// For an answer in JSON, whole.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Preferences are the largest.
const ANSWER_BYTES: usize = 4 << 20;
/// A stream that brings nothing for so long is broken.
const PIECE_TIME: Duration = Duration::from_secs(60);
/// No repository or blob takes longer; a stream that trickles is bounded by this.
const STREAM_TIME: Duration = Duration::from_secs(6 * 3_600);

/// Why the old server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OldError {
    /// It cannot be reached, or breaks off.
    #[error("the old server does not answer: {0}")]
    Away(#[from] FetchError),
    /// It says no, in its words.
    #[error("the old server answers {status} {name}: {message}")]
    Refused { status: u16, name: String, message: String },
    /// The session there has ended.
    #[error("the session at the old server is over")]
    SessionOver,
    /// The password is one for apps, which may not do what ends a move.
    #[error("the old server was given an app password")]
    AppPassword,
    /// It does not speak as the protocol says.
    #[error("the old server speaks strangely")]
    Strange,
}

/// The tokens of a session there. Wiped when dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    access_jwt: String,
    refresh_jwt: String,
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.access_jwt.zeroize();
        self.refresh_jwt.zeroize();
    }
}

impl Tokens {
    /// What is stored, sealed.
    pub fn to_secret(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        serde_json::from_slice(secret).ok()
    }
}

/// A session at the old server.
#[derive(Clone)]
pub struct OldServer {
    app: App,
    base: Url,
    /// Where renewed tokens are kept, once there is an account here.
    account: Option<AccountId>,
    tokens: Arc<Mutex<Tokens>>,
}

/// What signing in there gives.
#[derive(Deserialize)]
pub struct SignedIn {
    did: Did,
    email: Option<String>,
    #[serde(flatten)]
    tokens: Tokens,
}

impl OldServer {
    /// Signs in as `did` with a password that is not kept.
    ///
    /// # Errors
    /// Also when the server signs somebody else in, or an app.
    pub async fn sign_in(
        app: &App,
        base: Url,
        did: &Did,
        password: &str,
        code: Option<&str>,
    ) -> Result<(Self, Option<String>), OldError> {
        let mut input = json!({ "identifier": did, "password": password });
        if let Some(code) = code {
            input["authFactorToken"] = json!(code);
        }
        let url = method(&base, "com.atproto.server.createSession", &[])?;
        let answer = app.http.fetch(bounded(FetchRequest::post_json(url, &input)?)).await?;
        let signed_in: SignedIn = read(&accepted(answer)?)?;
        if signed_in.did != *did {
            return Err(OldError::Strange);
        }
        let is_app = is_for_an_app(&signed_in.tokens.access_jwt);
        let tokens = Arc::new(Mutex::new(signed_in.tokens));
        let old = Self { app: app.clone(), base, account: None, tokens };
        if is_app {
            old.sign_out_later();
            return Err(OldError::AppPassword);
        }
        Ok((old, signed_in.email))
    }

    /// Goes on with the session of an account that is stored.
    pub fn resume(app: &App, base: Url, account: AccountId, tokens: Tokens) -> Self {
        let tokens = Arc::new(Mutex::new(tokens));
        Self { app: app.clone(), base, account: Some(account), tokens }
    }

    /// The tokens at the moment.
    pub async fn tokens(&self) -> Tokens {
        self.tokens.lock().await.clone()
    }

    /// Asks a question that is answered in JSON.
    pub async fn query<T: DeserializeOwned>(
        &self,
        nsid: &str,
        params: &[(&str, &str)],
    ) -> Result<T, OldError> {
        let url = method(&self.base, nsid, params)?;
        let answer = self.authorized(|| Ok(FetchRequest::get(url.clone()))).await?;
        read(&answer)
    }

    /// Has something done. Gives the answer in JSON, `null` for none.
    pub async fn call(&self, nsid: &str, input: Option<&Value>) -> Result<Value, OldError> {
        let url = method(&self.base, nsid, &[])?;
        let answer = self.authorized(|| match input {
            Some(input) => FetchRequest::post_json(url.clone(), input),
            None => Ok(FetchRequest::new(Method::POST, url.clone())),
        });
        let answer = answer.await?;
        if answer.body.is_empty() { Ok(Value::Null) } else { read(&answer) }
    }

    /// Ends the session there, beside whatever else is done. If that fails, the session is left to its end.
    pub fn sign_out_later(&self) {
        let old = self.clone();
        self.app.tasks.spawn(async move {
            if let Err(error) = old.sign_out().await {
                tracing::info!(server = %old.base, %error, "a session at an old server stays open");
            }
        });
    }

    async fn sign_out(&self) -> Result<(), OldError> {
        let url = method(&self.base, "com.atproto.server.deleteSession", &[])?;
        let tokens = self.tokens().await;
        let request = with_token(FetchRequest::new(Method::POST, url), &tokens.refresh_jwt);
        accepted(self.app.http.fetch(bounded(request)).await?).map(drop)
    }

    /// Fetches a stream of at most `max_bytes`, as its owner.
    pub async fn stream(
        &self,
        nsid: &str,
        params: &[(&str, &str)],
        max_bytes: usize,
    ) -> Result<Pieces, OldError> {
        let url = method(&self.base, nsid, params)?;
        for is_last in [false, true] {
            let tokens = self.tokens().await;
            let request = with_token(FetchRequest::get(url.clone()), &tokens.access_jwt)
                .timeout(ANSWER_TIME)
                .body_timeout(STREAM_TIME)
                .max_bytes(max_bytes);
            let answer = self.app.http.send(request).await?;
            if answer.status.is_success() {
                let mime_type = answer.headers.get(header::CONTENT_TYPE).cloned();
                return Ok(Pieces { body: answer.body, mime_type });
            }
            let whole = FetchResponse {
                status: answer.status,
                headers: HeaderMap::new(),
                url: answer.url,
                body: head_of(answer.body).await,
            };
            match accepted(whole) {
                Err(err) if !is_last && is_expired(&err) => self.renew(&tokens).await?,
                Err(err) => return Err(err),
                Ok(_) => return Err(OldError::Strange),
            }
        }
        Err(OldError::SessionOver)
    }

    async fn authorized(
        &self,
        request: impl Fn() -> Result<FetchRequest, FetchError>,
    ) -> Result<FetchResponse, OldError> {
        let tokens = self.tokens().await;
        let first = bounded(with_token(request()?, &tokens.access_jwt));
        match accepted(self.app.http.fetch(first).await?) {
            Err(err) if is_expired(&err) => {}
            answer => return answer,
        }
        self.renew(&tokens).await?;
        let tokens = self.tokens().await;
        let again = bounded(with_token(request()?, &tokens.access_jwt));
        accepted(self.app.http.fetch(again).await?)
    }

    /// Exchanges the tokens, unless somebody else did meanwhile.
    async fn renew(&self, used: &Tokens) -> Result<(), OldError> {
        let mut tokens = self.tokens.lock().await;
        if tokens.access_jwt != used.access_jwt {
            return Ok(());
        }
        let url = method(&self.base, "com.atproto.server.refreshSession", &[])?;
        let request = with_token(FetchRequest::new(Method::POST, url), &tokens.refresh_jwt);
        let answer = match accepted(self.app.http.fetch(bounded(request)).await?) {
            Err(OldError::Refused { status: 400 | 401, .. }) => return Err(OldError::SessionOver),
            answer => answer?,
        };
        *tokens = read(&answer)?;
        if let Some(account) = self.account {
            let kept = self.app.store.renew_move_session(account, tokens.to_secret()).await;
            if let Err(error) = kept {
                tracing::warn!(%error, "a session at an old server was renewed and is not kept");
            }
        }
        Ok(())
    }
}

/// A body as it comes.
pub struct Pieces {
    body: BodyStream,
    mime_type: Option<HeaderValue>,
}

impl Pieces {
    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OldError> {
        match tokio::time::timeout(PIECE_TIME, self.body.try_next()).await {
            Ok(piece) => Ok(piece?),
            Err(_) => Err(FetchError::Timeout.into()),
        }
    }

    /// The media type that the server names.
    pub fn mime_type(&self) -> Option<&str> {
        self.mime_type.as_ref()?.to_str().ok()
    }
}

fn method(base: &Url, nsid: &str, params: &[(&str, &str)]) -> Result<Url, OldError> {
    let mut url = base.join(&format!("/xrpc/{nsid}")).map_err(|_| OldError::Strange)?;
    if !params.is_empty() {
        url.query_pairs_mut().extend_pairs(params);
    }
    Ok(url)
}

fn with_token(request: FetchRequest, token: &str) -> FetchRequest {
    match HeaderValue::try_from(format!("Bearer {token}")) {
        Ok(mut value) => {
            value.set_sensitive(true);
            request.header(header::AUTHORIZATION, value)
        }
        // No token of anybody has such characters; the server will say that it misses one.
        Err(_) => request,
    }
}

fn bounded(request: FetchRequest) -> FetchRequest {
    request.timeout(ANSWER_TIME).max_bytes(ANSWER_BYTES).no_redirects()
}

fn accepted(answer: FetchResponse) -> Result<FetchResponse, OldError> {
    #[derive(Default, Deserialize)]
    struct Refusal {
        #[serde(default)]
        error: String,
        #[serde(default)]
        message: String,
    }
    if answer.status.is_success() {
        return Ok(answer);
    }
    let refusal: Refusal = answer.json().unwrap_or_default();
    let short = |text: String| text.chars().take(200).collect();
    let (status, name) = (answer.status.as_u16(), short(refusal.error));
    Err(OldError::Refused { status, name, message: short(refusal.message) })
}

/// Interop: the reference answers 400 `ExpiredToken`; others say 401.
fn is_expired(err: &OldError) -> bool {
    match err {
        OldError::Refused { status, name, .. } => {
            name == "ExpiredToken"
                || (*status == StatusCode::UNAUTHORIZED.as_u16()
                    && name != "AuthFactorTokenRequired")
        }
        _ => false,
    }
}

/// Interop: the protocol has no word for it, but the access tokens of the reference and of this server say it. A token that
/// cannot be read is taken as the owner's.
fn is_for_an_app(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Claims {
        scope: String,
    }
    let payload = token.split('.').nth(1).map(|part| BASE64URL_NOPAD.decode(part.as_bytes()));
    let Some(Ok(payload)) = payload else { return false };
    serde_json::from_slice(&payload)
        .is_ok_and(|Claims { scope }| scope.starts_with("com.atproto.appPass"))
}

fn read<T: DeserializeOwned>(answer: &FetchResponse) -> Result<T, OldError> {
    answer.json().map_err(|_| OldError::Strange)
}

/// What an error says, if it is short.
async fn head_of(mut body: BodyStream) -> Bytes {
    match tokio::time::timeout(PIECE_TIME, body.try_next()).await {
        Ok(Ok(Some(piece))) => piece,
        _ => Bytes::new(),
    }
}
