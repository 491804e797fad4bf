//! Queries.

use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;

use super::{Bench, load};
use crate::client::Client;
use crate::report::Figures;

pub(super) async fn describe_server(bench: &Bench) -> anyhow::Result<Figures> {
    load(bench, 32, |mut client: Client, _| async move {
        client.get("/xrpc/com.atproto.server.describeServer", None).await?;
        Ok(client)
    })
    .await
}

pub(super) async fn get_record(bench: &Bench) -> anyhow::Result<Figures> {
    let mut client = bench.client().await?;
    let mut paths = Vec::new();
    for account in bench.accounts.iter() {
        let list = format!(
            "/xrpc/com.atproto.repo.listRecords?repo={}&collection=app.bsky.feed.post&limit=50",
            account.did
        );
        let answer: Value = serde_json::from_slice(&client.get(&list, None).await?)?;
        for record in answer.get("records").and_then(Value::as_array).into_iter().flatten() {
            let uri = record.get("uri").and_then(Value::as_str).context("a record without uri")?;
            let rkey = uri.rsplit('/').next().context("an odd uri")?;
            paths.push(format!(
                "/xrpc/com.atproto.repo.getRecord?repo={}&collection=app.bsky.feed.post&rkey={rkey}",
                account.did
            ));
        }
    }
    get_all(bench, paths).await
}

pub(super) async fn list_records(bench: &Bench) -> anyhow::Result<Figures> {
    let paths = bench
        .accounts
        .iter()
        .map(|account| {
            format!(
                "/xrpc/com.atproto.repo.listRecords?repo={}&collection=app.bsky.feed.post&limit=50",
                account.did
            )
        })
        .collect();
    get_all(bench, paths).await
}

async fn get_all(bench: &Bench, paths: Vec<String>) -> anyhow::Result<Figures> {
    anyhow::ensure!(!paths.is_empty(), "there is nothing to read");
    let paths = Arc::new(paths);
    load(bench, 32, move |mut client: Client, number| {
        let paths = Arc::clone(&paths);
        async move {
            // A stride that is coprime to most counts spreads the reads over the accounts.
            if let Some(path) = paths.get(number.wrapping_mul(7919) % paths.len()) {
                client.get(path, None).await?;
            }
            Ok(client)
        }
    })
    .await
}
