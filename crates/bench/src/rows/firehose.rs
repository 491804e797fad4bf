//! The firehose: delay after silence, fan-out under load, replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{Bench, figures};
use crate::accounts;
use crate::report::Figures;
use crate::stats::Latencies;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn subscribe(bench: &Bench, cursor: Option<u64>) -> anyhow::Result<Socket> {
    let mut url = format!("ws://{}/xrpc/com.atproto.sync.subscribeRepos", bench.target.authority);
    if let Some(cursor) = cursor {
        url.push_str(&format!("?cursor={cursor}"));
    }
    let (socket, _) = tokio_tungstenite::connect_async(url).await.context("subscribing")?;
    Ok(socket)
}

/// The next event frame; pings are answered on the way.
async fn next(socket: &mut Socket) -> anyhow::Result<usize> {
    loop {
        match socket.next().await.context("the stream ended")?? {
            Message::Binary(frame) => return Ok(frame.len()),
            Message::Close(_) => anyhow::bail!("the stream was closed"),
            _ => {}
        }
    }
}

pub(super) async fn after_silence(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    let mut socket = subscribe(bench, None).await?;
    let mut latencies = Latencies::default();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Events of the account's creation may come late; they are not what is waited for.
        while tokio::time::timeout(Duration::from_millis(20), next(&mut socket)).await.is_ok() {}
        let waiting = tokio::spawn(async move {
            next(&mut socket).await?;
            anyhow::Ok((socket, Instant::now()))
        });
        client
            .post(
                "com.atproto.repo.createRecord",
                Some(&account.token),
                &accounts::create_post(&account),
            )
            .await?;
        let answered = Instant::now();
        let (back, delivered) = waiting.await??;
        socket = back;
        latencies.push(delivered.saturating_duration_since(answered));
    }
    let latency_ms = Some((latencies.percentile(0.5), latencies.percentile(0.99)));
    Ok(Figures {
        latency_ms,
        note: "from the answer to the event; 0 when the event came first".into(),
        ..Figures::default()
    })
}

pub(super) async fn fan_out(bench: &Bench) -> anyhow::Result<Figures> {
    let delivered = Arc::new(AtomicUsize::new(0));
    let mut readers = Vec::new();
    for _ in 0..bench.scale.subscribers {
        let mut socket = subscribe(bench, None).await?;
        let delivered = Arc::clone(&delivered);
        readers.push(tokio::spawn(async move {
            while next(&mut socket).await.is_ok() {
                delivered.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let before = bench.usage()?;
    let started = Instant::now();
    let writes = super::writes::create_c32(bench).await?;
    // What is still on its way counts too.
    let mut seen = usize::MAX;
    while seen != delivered.load(Ordering::Relaxed) {
        seen = delivered.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let mut run = figures(bench, before, started.elapsed(), seen, None)?;
    for reader in readers {
        reader.abort();
    }
    run.note = format!(
        "{} subscribers, {:.0} writes/s beside it (their CPU is included)",
        bench.scale.subscribers,
        writes.per_second.unwrap_or(0.0)
    );
    Ok(run)
}

pub(super) async fn replay(bench: &Bench) -> anyhow::Result<Figures> {
    let before = bench.usage()?;
    let started = Instant::now();
    let mut socket = subscribe(bench, Some(0)).await?;
    let (mut count, mut bytes) = (0, 0);
    let mut last = started;
    // The stream goes on for ever: it has been replayed when nothing comes for a while.
    while let Ok(Ok(size)) = tokio::time::timeout(Duration::from_secs(2), next(&mut socket)).await {
        count += 1;
        bytes += size;
        last = Instant::now();
    }
    let elapsed = last.saturating_duration_since(started);
    let mut run = figures(bench, before, elapsed, count, None)?;
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    let rate = bytes as f64 / 1e6 / elapsed.as_secs_f64();
    run.note = format!("{count} events, {rate:.0} MB/s");
    Ok(run)
}
