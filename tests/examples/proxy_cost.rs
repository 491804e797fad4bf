//! What it costs this server to pass a request on: processor time per request, beside that of a request which it answers itself.
//!
//! `cargo run --release -p cairn-tests --example proxy_cost`. The service and the client are processes of their own, so
//! that only the server's time is counted.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on panics")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use cairn_model::Did;
use cairn_server::config::ServiceTarget;
use cairn_tests::World;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REQUESTS: u32 = 32_000;
const CONNECTIONS: u32 = 32;
/// About what a notification count takes.
const BODY: &str =
    r#"{"count":3,"filler":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("service") => serve(),
        Some("client") => call(&args[2], &args[3], &args[4]),
        _ => measure(),
    }
}

fn measure() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut service = spawn(&["service"]);
    let port = line(&mut service);
    let target = ServiceTarget {
        url: format!("http://127.0.0.1:{port}").parse().unwrap(),
        did: Did::parse("did:web:appview.test").unwrap(),
    };
    let (pds, alice) = runtime.block_on(async {
        let world = World::start().await;
        let pds = world.pds_with(|config| config.appview = Some(target)).await;
        let alice = pds.account("alice").await;
        (pds, alice)
    });
    let address = pds.anyone.base.trim_start_matches("http://").to_owned();
    for method in [
        "com.atproto.server.describeServer",
        "app.bsky.actor.getPreferences",
        "app.bsky.notification.getUnreadCount",
        "app.bsky.feed.getTimeline",
    ] {
        for round in ["warming", "measured"] {
            let (cpu, start) = (cpu_seconds(), Instant::now());
            let mut client = spawn(&["client", &address, method, &alice.access_jwt]);
            assert!(client.wait().unwrap().success());
            if round == "measured" {
                let rate = f64::from(REQUESTS) / start.elapsed().as_secs_f64();
                let each = |before: f64, now: f64| (now - before) * 1e6 / f64::from(REQUESTS);
                let now = cpu_seconds();
                let (user, system) = (each(cpu.0, now.0), each(cpu.1, now.1));
                println!("{method:40} {user:6.1} µs user, {system:6.1} µs system, {rate:6.0}/s");
            }
        }
    }
    service.kill().unwrap();
    service.wait().unwrap();
}

fn spawn(args: &[&str]) -> Child {
    let own = std::env::current_exe().unwrap();
    Command::new(own).args(args).stdout(Stdio::piped()).spawn().unwrap()
}

fn line(child: &mut Child) -> String {
    let mut text = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut text).unwrap();
    text.trim().to_owned()
}

/// User and system time of this process.
fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    // Linux counts a hundred ticks a second wherever this runs.
    (ticks(11) / 100.0, ticks(12) / 100.0)
}

/// A service that reads a request's head and answers, over and over.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    for stream in listener.incoming() {
        std::thread::spawn(move || {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while skip_head(&mut reader).is_some() {
                let length = BODY.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{BODY}"
                );
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
    }
}

/// Reads to the empty line. Returns the body's length.
fn skip_head(reader: &mut BufReader<TcpStream>) -> Option<usize> {
    let (mut length, mut text) = (0, String::new());
    loop {
        text.clear();
        if reader.read_line(&mut text).ok()? == 0 {
            return None;
        }
        let lower = text.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if text == "\r\n" {
            return Some(length);
        }
    }
}

fn call(address: &str, method: &str, token: &str) {
    let request = format!(
        "GET /xrpc/{method} HTTP/1.1\r\nhost: pds.test\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let threads = (0..CONNECTIONS).map(|_| {
        let (address, request) = (address.to_owned(), request.clone());
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            for _ in 0..REQUESTS / CONNECTIONS {
                stream.write_all(request.as_bytes()).unwrap();
                let length = skip_head(&mut reader).expect("an answer");
                let mut body = vec![0; length];
                std::io::Read::read_exact(&mut reader, &mut body).unwrap();
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}
