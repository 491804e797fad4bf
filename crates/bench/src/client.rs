//! A small HTTP/1.1 client: one kept connection per caller, so that the load generator costs as
//! little as possible beside the server on the same machine.

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// One connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    authority: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(authority: &str) -> anyhow::Result<Client> {
        Ok(Client { authority: authority.to_owned(), sender: open(authority).await? })
    }

    /// Sends a request and gives the answer's head and body as a stream.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        content_type: Option<&str>,
        body: Bytes,
    ) -> anyhow::Result<http::Response<Incoming>> {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let authorization = authorization.iter().map(|it| ("authorization", it.as_str()));
        let content_type = content_type.iter().map(|it| ("content-type", *it));
        let headers: Vec<(&str, &str)> = authorization.chain(content_type).collect();
        self.send_with(method, path, &headers, body).await
    }

    /// Sends a request with these headers.
    pub(crate) async fn send_with(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> anyhow::Result<http::Response<Incoming>> {
        if self.sender.ready().await.is_err() {
            self.sender = open(&self.authority).await?;
        }
        let mut request =
            Request::builder().method(method).uri(path).header("host", &self.authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        self.sender.send_request(request).await.context("sending the request")
    }

    /// A request whose answer must be 200; gives the body.
    pub(crate) async fn bytes(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        content_type: Option<&str>,
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let response = self.send(method, path, token, content_type, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            bail!("{path} answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    /// A query with a JSON answer.
    pub(crate) async fn get(&mut self, path: &str, token: Option<&str>) -> anyhow::Result<Bytes> {
        self.bytes(Method::GET, path, token, None, Bytes::new()).await
    }

    /// A procedure with JSON both ways.
    pub(crate) async fn post(
        &mut self,
        nsid: &str,
        token: Option<&str>,
        input: &Value,
    ) -> anyhow::Result<Value> {
        let body = Bytes::from(serde_json::to_vec(input)?);
        let path = format!("/xrpc/{nsid}");
        let answer = self.bytes(Method::POST, &path, token, Some("application/json"), body).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}

async fn open(authority: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(authority)
        .await
        .with_context(|| format!("connecting to {authority}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // The end of a connection shows as an error of the next request.
        let _ = connection.await;
    });
    Ok(sender)
}
