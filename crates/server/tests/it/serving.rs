//! The HTTP server on a socket.

use std::time::Duration;

use cairn_server::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::firehose::{Listening, listen};
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

#[tokio::test]
async fn http_2_is_not_spoken() {
    let listening = listen(Server::start().await).await;
    let mut stream = TcpStream::connect(&listening.address).await.unwrap();
    // The client's preface and its empty settings.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let _ = stream.write_all(preface).await;
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer));
    // Hung up on in one way or the other, and without a frame of settings.
    let _ = ended.await.expect("the connection is closed");
    assert!(!answer.starts_with(b"\0\0"), "{answer:?}");
}

/// A server that takes loopback for a client like any other.
async fn exposed(change: impl FnOnce(&mut ServerConfig)) -> Listening {
    let server = Server::with(|config| {
        config.trusted_proxies.near = false;
        change(config);
    });
    listen(server.await).await
}

async fn connect(listening: &Listening) -> TcpStream {
    TcpStream::connect(&listening.address).await.unwrap()
}

async fn ask(stream: &mut TcpStream) -> String {
    // A connection that is refused may be closed before it is asked anything.
    let _ = stream.write_all(b"GET /xrpc/_health HTTP/1.1\r\nhost: pds.test\r\n\r\n").await;
    read_answer(stream).await
}

/// Connects again and again until there is room.
async fn admitted(listening: &Listening) -> TcpStream {
    loop {
        let mut stream = connect(listening).await;
        if ask(&mut stream).await.starts_with("HTTP/1.1 200") {
            return stream;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_client_with_too_many_connections_is_told_so() {
    let listening = exposed(|config| config.connections.max_per_address = 2).await;
    let mut first = connect(&listening).await;
    let mut second = connect(&listening).await;
    for stream in [&mut first, &mut second] {
        assert!(ask(stream).await.starts_with("HTTP/1.1 200"));
    }
    let mut third = connect(&listening).await;
    let answer = ask(&mut third).await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("retry-after: 30"), "{answer}");
    assert!(answer.contains("too many connections from this address"), "{answer}");
    assert_eq!(third.read(&mut [0; 16]).await.unwrap(), 0, "and hung up on");
    drop(first);
    admitted(&listening).await;
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_server_that_is_full_says_so_to_proxies_too() {
    let listening = listen(Server::with(|config| config.connections.max = 1).await).await;
    let mut first = connect(&listening).await;
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"));
    let answer = ask(&mut connect(&listening).await).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("NotEnoughResources"),
        "{answer}"
    );
    drop(first);
    admitted(&listening).await;
}

#[tokio::test]
async fn proxies_may_have_many_connections() {
    let few = Server::with(|config| config.connections.max_per_address = 1);
    let listening = listen(few.await).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(&listening).await;
        assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
}

#[tokio::test]
async fn a_websocket_counts_as_a_connection_until_it_is_closed() {
    let listening = exposed(|config| config.connections.max_per_address = 1).await;
    let socket = listening.subscribe("").await;
    let answer = ask(&mut connect(&listening).await).await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    drop(socket);
    admitted(&listening).await;
}

#[tokio::test]
async fn a_head_that_comes_in_drops_is_cut_off() {
    let patience = Duration::from_millis(200);
    let listening = exposed(|config| config.connections.head_timeout = patience).await;
    let mut stream = connect(&listening).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let drip = async {
        while writing.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let mut answer = Vec::new();
    let ended = async {
        let _ = reading.read_to_end(&mut answer).await;
    };
    // Fewer than a hundred lines: it is the time that ends it.
    tokio::select! { () = drip => {}, () = ended => {} }
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}
