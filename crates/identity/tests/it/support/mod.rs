//! A small HTTP server, with TLS or without, and a small DNS server, all scripted by closures.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_identity::GuardPolicy;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What a scripted server answers: status line and headers, then the body.
pub struct Answer(pub &'static str, pub String, pub Vec<u8>);

pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer("200 OK", String::new(), body.into())
}

pub struct HttpServer {
    pub addr: SocketAddr,
    pub hits: Arc<AtomicUsize>,
}

type Answers = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

impl HttpServer {
    /// Answers each request by its head (request line and headers).
    pub async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(answer)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, answer: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&hits);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, counted) = (Arc::clone(&answer), Arc::clone(&counted));
                let tls = tls.clone();
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(socket, &answer, &counted).await };
                    if let Ok(socket) = tls.accept(socket).await {
                        serve(socket, &answer, &counted).await;
                    }
                });
            }
        });
        Self { addr, hits }
    }

    pub fn url(&self, path: &str) -> url::Url {
        url::Url::parse(&format!("http://{}{path}", self.addr)).unwrap()
    }

    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Answers,
    counted: &AtomicUsize,
) {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if socket.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    counted.fetch_add(1, Ordering::SeqCst);
    let Answer(status, headers, body) = answer(&String::from_utf8_lossy(&head));
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.write_all(&body).await;
    let _ = socket.shutdown().await;
}

/// Hosts with certificates of one authority, all answered by one server.
pub struct TlsHosts {
    pub server: HttpServer,
    names: Vec<String>,
    authority_pem: String,
}

impl TlsHosts {
    /// A server whose certificate is for these names.
    pub async fn start(
        names: &[&str],
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        cairn_identity::install_crypto_provider();
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let authority = rcgen::CertifiedIssuer::self_signed(authority, key).unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let host = rcgen::CertificateParams::new(names.clone()).unwrap();
        let host = host.signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![host.der().clone()], key)
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(config));
        let server = HttpServer::listen(Some(tls), Arc::new(answer)).await;
        Self { server, names, authority_pem: authority.as_ref().pem() }
    }

    /// A policy under which these hosts are found, and trusted.
    pub fn policy(&self) -> GuardPolicy {
        let hosts = self.names.iter().map(|name| (name.clone(), self.server.addr));
        GuardPolicy {
            allow_private: true,
            hosts: hosts.collect(),
            roots_pem: vec![self.authority_pem.clone()],
            ..GuardPolicy::default()
        }
    }
}

/// Answers TXT questions by name; an empty list means that the name does not exist.
pub async fn dns_server(texts: impl Fn(&str) -> Vec<&'static str> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let reply = dns_reply(&buffer[..length], &texts);
            let _ = socket.send_to(&reply, from).await;
        }
    });
    addr
}

fn dns_reply(question: &[u8], texts: &impl Fn(&str) -> Vec<&'static str>) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_lowercase());
        at = end;
    }
    // The name's end, type and class.
    let question_end = at + 5;
    let texts = texts(&labels.join("."));
    let mut reply = question[..2].to_vec();
    reply.extend([0x84, if texts.is_empty() { 3 } else { 0 }, 0, 1, 0]);
    reply.push(u8::try_from(texts.len()).unwrap());
    reply.extend([0, 0, 0, 0]);
    reply.extend(&question[12..question_end]);
    for text in texts {
        // A pointer to the name, TXT, IN, a TTL of a minute.
        reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        reply.extend(u16::try_from(text.len() + 1).unwrap().to_be_bytes());
        reply.push(u8::try_from(text.len()).unwrap());
        reply.extend(text.as_bytes());
    }
    reply
}
