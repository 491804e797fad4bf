//! Writes of records, and sign-ins.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::{Bench, figures, load};
use crate::accounts::{self, Account};
use crate::client::Client;
use crate::report::Figures;
use crate::stats::Latencies;

fn of(accounts: &[Account], number: usize) -> anyhow::Result<Account> {
    let at = number % accounts.len().max(1);
    Ok(accounts.get(at).ok_or_else(|| anyhow::anyhow!("there are no accounts"))?.clone())
}

async fn create(
    bench: &Bench,
    accounts: Arc<Vec<Account>>,
    concurrency: usize,
) -> anyhow::Result<Figures> {
    load(bench, concurrency, move |mut client: Client, number| {
        let accounts = Arc::clone(&accounts);
        async move {
            let account = of(&accounts, number)?;
            let input = accounts::create_post(&account);
            client.post("com.atproto.repo.createRecord", Some(&account.token), &input).await?;
            Ok(client)
        }
    })
    .await
}

pub(super) async fn create_c1(bench: &Bench) -> anyhow::Result<Figures> {
    create(bench, Arc::clone(&bench.accounts), 1).await
}

pub(super) async fn create_c32(bench: &Bench) -> anyhow::Result<Figures> {
    create(bench, Arc::clone(&bench.accounts), 32).await
}

pub(super) async fn create_one(bench: &Bench) -> anyhow::Result<Figures> {
    create(bench, Arc::new(vec![bench.fresh_account().await?]), 32).await
}

pub(super) async fn apply_10(bench: &Bench) -> anyhow::Result<Figures> {
    let accounts = Arc::clone(&bench.accounts);
    load(bench, 32, move |mut client: Client, number| {
        let accounts = Arc::clone(&accounts);
        async move {
            let account = of(&accounts, number)?;
            let input = accounts::create_posts(&account, 10);
            client.post("com.atproto.repo.applyWrites", Some(&account.token), &input).await?;
            Ok(client)
        }
    })
    .await
}

pub(super) async fn put_delete(bench: &Bench) -> anyhow::Result<Figures> {
    let accounts = Arc::clone(&bench.accounts);
    let mut figures = load(bench, 32, move |mut client: Client, number| {
        let accounts = Arc::clone(&accounts);
        async move {
            let account = of(&accounts, number)?;
            let key = json!({ "repo": account.did, "collection": "com.example.note", "rkey": format!("n{number}") });
            let mut put = key.clone();
            if let Some(put) = put.as_object_mut() {
                put.insert("record".into(), json!({ "$type": "com.example.note", "text": "soon gone" }));
            }
            client.post("com.atproto.repo.putRecord", Some(&account.token), &put).await?;
            client.post("com.atproto.repo.deleteRecord", Some(&account.token), &key).await?;
            Ok(client)
        }
    })
    .await?;
    figures.note = "an operation is a put and a delete".into();
    Ok(figures)
}

/// The cost of one write after the repository has grown to each size.
pub(super) async fn growth(bench: &Bench) -> anyhow::Result<Figures> {
    let account = bench.fresh_account().await?;
    let mut client = bench.client().await?;
    let mut have = 0;
    let mut notes = Vec::new();
    let mut last = Figures::default();
    for &size in &bench.scale.growth {
        accounts::fill(&mut client, &account, size.saturating_sub(have)).await?;
        have = size;
        // Past the fill, so that its checkpoints are not counted.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let writes = 1000;
        let before = bench.usage()?;
        let started = Instant::now();
        let mut latencies = Latencies::default();
        for _ in 0..writes {
            let sent = Instant::now();
            let input = accounts::create_post(&account);
            client.post("com.atproto.repo.createRecord", Some(&account.token), &input).await?;
            latencies.push(sent.elapsed());
        }
        have += writes;
        last = figures(bench, before, started.elapsed(), writes, Some(latencies))?;
        notes.push(format!("{size}: {:.3} CPU-ms", last.cpu_ms.unwrap_or(0.0)));
    }
    last.note = notes.join(", ");
    Ok(last)
}

pub(super) async fn sessions(bench: &Bench) -> anyhow::Result<Figures> {
    let accounts = Arc::clone(&bench.accounts);
    load(bench, 8, move |mut client: Client, number| {
        let accounts = Arc::clone(&accounts);
        async move {
            let account = of(&accounts, number)?;
            let input = json!({ "identifier": account.did, "password": accounts::PASSWORD });
            client.post("com.atproto.server.createSession", None, &input).await?;
            Ok(client)
        }
    })
    .await
}
