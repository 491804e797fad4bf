//! The HTTP server on a socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::firehose::listen;
use crate::harness::Server;

async fn read_answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0u8; 4096];
    while !text.contains("}") {
        let n = stream.read(&mut buffer).await.unwrap();
        if n == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    text
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let listening = listen(Server::start().await).await;
    let mut stream = TcpStream::connect(&listening.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /xrpc/_health HTTP/1.1\r\nhost: pds.test\r\n\r\n").await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(r#"{"version":"1.2.3"}"#),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let listening = listen(Server::start().await).await;
    let mut stream = TcpStream::connect(&listening.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nhost: pds.test\r\nx: {}\r\n\r\n", "a".repeat(300_000));
    // The server may hang up before it has everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let listening = listen(Server::start().await).await;
    let mut idle = TcpStream::connect(&listening.address).await.unwrap();
    idle.write_all(b"GET /xrpc/_health HTTP/1.1\r\nhost: pds.test\r\n\r\n").await.unwrap();
    read_answer(&mut idle).await;
    listening.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), listening.done).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(&listening.address).await.is_err());
}

#[tokio::test]
async fn a_client_that_is_refused_in_mid_upload_gets_its_answer() {
    let listening = listen(Server::start().await).await;
    let mut stream = TcpStream::connect(&listening.address).await.unwrap();
    let size = 8 * 1024 * 1024;
    let head = format!(
        "POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nhost: pds.test\r\ncontent-type: text/plain\r\ncontent-length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Larger than what the sockets hold: this only ends because somebody reads.
    stream.write_all(&vec![b'x'; size]).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("AuthMissing"), "{answer}");
}

#[tokio::test]
async fn a_connection_on_which_nobody_asks_anything_is_ended() {
    let listening = listen(Server::start().await).await;
    for said in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: pds.test\r\n"] {
        let mut silent = TcpStream::connect(&listening.address).await.unwrap();
        silent.write_all(said.as_bytes()).await.unwrap();
        // The clock jumps to the next timer whenever nothing else is to be done.
        tokio::time::pause();
        let mut answer = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(600), silent.read_to_end(&mut answer)).await;
        tokio::time::resume();
        assert!(ended.is_ok(), "still open after {said:?}");
    }
}
