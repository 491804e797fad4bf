//! Export and import of a large repository.

use std::time::Instant;

use anyhow::ensure;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{Bench, figures};
use crate::accounts::{self, Account};
use crate::client::Client;
use crate::report::Figures;

/// How often the repository is exported: the fastest run counts, as noise only ever slows down.
const RUNS: usize = 3;

async fn car(client: &mut Client, account: &Account) -> anyhow::Result<(Bytes, f64)> {
    let started = Instant::now();
    let path = format!("/xrpc/com.atproto.sync.getRepo?did={}", account.did);
    let response = client.send(Method::GET, &path, None, None, Bytes::new()).await?;
    ensure!(response.status() == StatusCode::OK, "getRepo answered {}", response.status());
    let mut body = response.into_body();
    let mut first_byte_ms = None;
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            first_byte_ms.get_or_insert(started.elapsed().as_secs_f64() * 1000.0);
            bytes.extend_from_slice(&data);
        }
    }
    Ok((bytes.into(), first_byte_ms.unwrap_or(0.0)))
}

pub(super) async fn export(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    accounts::fill(&mut client, &account, bench.scale.records).await?;
    let rss = bench.usage()?.rss_mib;
    let mut best: Option<Figures> = None;
    for _ in 0..RUNS {
        let before = bench.usage()?;
        let started = Instant::now();
        let (bytes, first_byte_ms) = car(&mut client, &account).await?;
        let elapsed = started.elapsed();
        let mut run = figures(bench, before, elapsed, 1, None)?;
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        let (records, size) = (bench.scale.records as f64, bytes.len() as f64 / 1e6);
        run.note = format!(
            "{records} records, {size:.1} MB: {:.0} records/s, {:.0} MB/s, {:.0} records per CPU-s, first byte {first_byte_ms:.1} ms, +{:.0} MiB",
            records / elapsed.as_secs_f64(),
            size / elapsed.as_secs_f64(),
            records * 1000.0 / run.cpu_ms.unwrap_or(1.0).max(1.0),
            bench.usage()?.rss_mib - rss
        );
        if best.as_ref().is_none_or(|best| best.per_second < run.per_second) {
            best = Some(run);
        }
    }
    Ok(best.unwrap_or_default())
}

/// Exports a repository, empties it, and imports the export.
pub(super) async fn import(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    accounts::fill(&mut client, &account, bench.scale.records).await?;
    let (bytes, _) = car(&mut client, &account).await?;
    empty(&mut client, &account).await?;
    let before = bench.usage()?;
    let started = Instant::now();
    client
        .bytes(
            Method::POST,
            "/xrpc/com.atproto.repo.importRepo",
            Some(&account.token),
            Some("application/vnd.ipld.car"),
            bytes,
        )
        .await?;
    let elapsed = started.elapsed();
    let mut run = figures(bench, before, elapsed, 1, None)?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let records = bench.scale.records as f64;
    run.note = format!(
        "{records} records: {:.0} records/s, peak {:.0} MiB (+{:.0})",
        records / elapsed.as_secs_f64(),
        bench.usage()?.peak_mib,
        bench.usage()?.peak_mib - before.peak_mib
    );
    Ok(run)
}

async fn empty(client: &mut Client, account: &Account) -> anyhow::Result<()> {
    loop {
        let path = format!(
            "/xrpc/com.atproto.repo.listRecords?repo={}&collection=app.bsky.feed.post&limit=100",
            account.did
        );
        let answer: Value = serde_json::from_slice(&client.get(&path, None).await?)?;
        let uris = answer.get("records").and_then(Value::as_array).into_iter().flatten();
        let writes: Vec<_> = uris
            .filter_map(|record| record.get("uri")?.as_str()?.rsplit('/').next())
            .map(|rkey| json!({ "$type": "com.atproto.repo.applyWrites#delete", "collection": "app.bsky.feed.post", "rkey": rkey }))
            .collect();
        if writes.is_empty() {
            return Ok(());
        }
        let input = json!({ "repo": account.did, "writes": writes });
        client.post("com.atproto.repo.applyWrites", Some(&account.token), &input).await?;
    }
}
