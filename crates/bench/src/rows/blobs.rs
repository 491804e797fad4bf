//! Blobs up and down: many of 1 MB at once, and one of 300 MiB after the other.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{Bench, figures, load};
use crate::accounts::Account;
use crate::client::Client;
use crate::process::Usage;
use crate::report::Figures;

const SIZE: usize = 1_000_000;
/// What Cairn takes by default.
const LARGE: usize = 300 << 20;
const LARGE_BLOBS: u32 = 4;

fn picture(number: u64, size: usize) -> Bytes {
    // The signature of a PNG file, then bytes that differ from blob to blob.
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(size, 0x5a);
    bytes.into()
}

async fn put(client: &mut Client, token: &str, picture: Bytes) -> anyhow::Result<Value> {
    let answer = client
        .bytes(
            Method::POST,
            "/xrpc/com.atproto.repo.uploadBlob",
            Some(token),
            Some("image/png"),
            picture,
        )
        .await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer.get("blob").cloned().unwrap_or(Value::Null))
}

fn rate(mut figures: Figures) -> Figures {
    figures.note = format!("{:.0} MB/s", figures.per_second.unwrap_or(0.0));
    figures
}

pub(super) async fn upload(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let figures = load(bench, 8, move |mut client: Client, _| {
        let token = account.token.clone();
        async move {
            put(&mut client, &token, picture(rand::random(), SIZE)).await?;
            Ok(client)
        }
    });
    Ok(rate(figures.await?))
}

pub(super) async fn download(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    let mut paths = Vec::new();
    for number in 0..16 {
        let blob = put(&mut client, &account.token, picture(number, SIZE)).await?;
        paths.push(publish(&mut client, &account, blob).await?);
    }
    let paths = Arc::new(paths);
    let figures = load(bench, 8, move |mut client: Client, number| {
        let paths = Arc::clone(&paths);
        async move {
            if let Some(path) = paths.get(number % paths.len()) {
                client.get(path, None).await?;
            }
            Ok(client)
        }
    });
    Ok(rate(figures.await?))
}

/// Writes the record without which a blob cannot be fetched, and gives the blob's path.
async fn publish(client: &mut Client, account: &Account, blob: Value) -> anyhow::Result<String> {
    let cid = blob.pointer("/ref/$link").and_then(Value::as_str).unwrap_or_default().to_owned();
    let record = json!({ "$type": "com.example.picture", "picture": blob });
    let input =
        json!({ "repo": account.did, "collection": "com.example.picture", "record": record });
    client.post("com.atproto.repo.createRecord", Some(&account.token), &input).await?;
    Ok(format!("/xrpc/com.atproto.sync.getBlob?did={}&cid={cid}", account.did))
}

pub(super) async fn upload_large(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    let (before, started) = (bench.usage()?, Instant::now());
    for number in 0..LARGE_BLOBS {
        put(&mut client, &account.token, picture(number.into(), LARGE)).await?;
    }
    large(bench, before, started)
}

pub(super) async fn download_large(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    let blob = put(&mut client, &account.token, picture(rand::random(), LARGE)).await?;
    let path = publish(&mut client, &account, blob).await?;
    let (before, started) = (bench.usage()?, Instant::now());
    for _ in 0..LARGE_BLOBS {
        let mut body = client.send(Method::GET, &path, None, None, Bytes::new()).await?.into_body();
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            size += frame?.data_ref().map_or(0, Bytes::len);
        }
        anyhow::ensure!(size == LARGE, "{size} bytes came back");
    }
    large(bench, before, started)
}

fn large(bench: &Bench, before: Usage, started: Instant) -> anyhow::Result<Figures> {
    let elapsed = started.elapsed();
    let mut figures = figures(bench, before, elapsed, LARGE_BLOBS as usize, None)?;
    let after = bench.usage()?;
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    let rate = LARGE as f64 * f64::from(LARGE_BLOBS) / 1e6 / elapsed.as_secs_f64();
    figures.note = format!(
        "{rate:.0} MB/s; resident {:.0} MiB before, {:.0} MiB after, at most {:.0} MiB",
        before.rss_mib, after.rss_mib, after.peak_mib
    );
    Ok(figures)
}
