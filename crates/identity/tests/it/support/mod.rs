//! A small HTTP server and a small DNS server, both scripted by closures.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// What a scripted server answers: status line and headers, then the body.
pub struct Answer(pub &'static str, pub String, pub Vec<u8>);

pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer("200 OK", String::new(), body.into())
}

pub struct HttpServer {
    pub addr: SocketAddr,
    pub hits: Arc<AtomicUsize>,
}

impl HttpServer {
    /// Answers each request by its head (request line and headers).
    pub async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let hits = Arc::new(AtomicUsize::new(0));
        let (answer, counted) = (Arc::new(answer), Arc::clone(&hits));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (answer, counted) = (Arc::clone(&answer), Arc::clone(&counted));
                tokio::spawn(async move {
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
