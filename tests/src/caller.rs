//! A client of one server with one credential.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Calls methods of one server, with a credential or without.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
    /// The server's origin.
    pub base: String,
    /// The whole `Authorization` header.
    pub authorization: Option<String>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Caller {
    /// Nobody, at a server.
    pub fn anyone(base: &str) -> Self {
        cairn_identity::install_crypto_provider();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: base.to_owned(), authorization: None }
    }

    /// The same server without a credential.
    #[must_use]
    pub fn nobody(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    /// The same server with a bearer token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        Self { authorization: Some(format!("Bearer {token}")), ..self.clone() }
    }

    /// The same server with another `Authorization` header.
    #[must_use]
    pub fn authorized(&self, header: impl Into<String>) -> Self {
        Self { authorization: Some(header.into()), ..self.clone() }
    }

    /// A request for a method, with the credential.
    pub fn request(&self, method: Method, nsid: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/xrpc/{nsid}", self.base));
        match &self.authorization {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }

    /// Sends a request, whatever comes of it.
    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, bytes: response.bytes().await.unwrap() }
    }

    /// A query.
    pub async fn query(&self, nsid: &str, params: &[(&str, &str)]) -> Reply {
        let path = reqwest::Url::parse_with_params("x:/", params).unwrap();
        self.send(
            self.request(Method::GET, &format!("{nsid}?{}", path.query().unwrap_or_default())),
        )
        .await
    }

    /// A procedure with JSON input.
    pub async fn call(&self, nsid: &str, input: Value) -> Reply {
        self.send(self.request(Method::POST, nsid).json(&input)).await
    }

    /// A procedure without input.
    pub async fn poke(&self, nsid: &str) -> Reply {
        self.send(self.request(Method::POST, nsid)).await
    }

    /// A procedure with any body.
    pub async fn upload(
        &self,
        nsid: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        self.send(self.request(Method::POST, nsid).header(CONTENT_TYPE, content_type).body(body))
            .await
    }

    /// JSON to a route beside XRPC, with the credential.
    pub async fn post(&self, path: &str, input: Value) -> Reply {
        let request = self.http.post(format!("{}{path}", self.base)).json(&input);
        self.send(match &self.authorization {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        })
        .await
    }

    /// A page beside XRPC, with the credential.
    pub async fn page(&self, path: &str) -> Reply {
        let request = self.http.get(format!("{}{path}", self.base));
        self.send(match &self.authorization {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        })
        .await
    }
}

impl Reply {
    /// The JSON of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The bytes of a success.
    #[track_caller]
    pub fn body(&self) -> &Bytes {
        assert_eq!(self.status, 200, "{}", self.text());
        &self.bytes
    }

    /// The body as JSON, whatever the status.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|err| panic!("{err}: {}", self.text()))
    }

    /// Status and name of an error.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        assert_ne!(self.status, 200, "{}", self.text());
        let json = self.json();
        (
            self.status,
            json["error"].as_str().unwrap_or_else(|| panic!("no name: {json}")).to_owned(),
        )
    }

    /// The message of an error.
    #[track_caller]
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// So that `assert_eq!(reply.error(), (400, "InvalidSwap"))` reads well, compare with this.
impl PartialEq<(u16, &str)> for Reply {
    fn eq(&self, other: &(u16, &str)) -> bool {
        self.status == other.0
            && serde_json::from_slice::<Value>(&self.bytes)
                .is_ok_and(|json| json["error"] == other.1)
    }
}
