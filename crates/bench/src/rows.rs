//! The rows of the report.

mod blobs;
mod clients;
mod firehose;
mod proxied;
mod reads;
mod repos;
mod writes;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::accounts::{self, Account};
use crate::app_view::AppView;
use crate::client::Client;
use crate::report::Figures;
use crate::stats::Latencies;
use crate::{Scale, Target, process};

/// A server with accounts to work on.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) target: Target,
    pub(crate) scale: Scale,
    pub(crate) accounts: Arc<Vec<Account>>,
    pub(crate) idle: process::Usage,
    /// The service that the servers pass requests on to.
    pub(crate) app_view: Option<AppView>,
}

impl Bench {
    /// Makes the accounts, each with some records.
    pub(crate) async fn prepare(
        target: Target,
        scale: Scale,
        app_view: Option<AppView>,
    ) -> anyhow::Result<Bench> {
        let idle = process::usage(target.pid)?;
        let mut client = Client::connect(&target.authority).await?;
        let mut made = Vec::with_capacity(scale.accounts);
        for _ in 0..scale.accounts.max(1) {
            let account = accounts::create(&mut client, "b").await?;
            accounts::fill(&mut client, &account, 60).await?;
            made.push(account);
        }
        Ok(Bench { target, scale, accounts: Arc::new(made), idle, app_view })
    }

    pub(crate) fn usage(&self) -> anyhow::Result<process::Usage> {
        process::usage(self.target.pid)
    }

    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        Client::connect(&self.target.authority).await
    }

    /// An account that no other row writes to.
    pub(crate) async fn fresh_account(&self) -> anyhow::Result<Account> {
        accounts::create(&mut self.client().await?, "f").await
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Figures>> + Send + 'a>>;

/// A row: its name and what it does.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Bench) -> Running<'a>,
}

/// All rows in the order of the report.
pub(crate) const ALL: &[Row] = &[
    Row { name: "memory idle", run: |bench| Box::pin(memory_idle(bench)) },
    Row { name: "describeServer c32", run: |bench| Box::pin(reads::describe_server(bench)) },
    Row { name: "getRecord c32", run: |bench| Box::pin(reads::get_record(bench)) },
    Row { name: "listRecords 50 c32", run: |bench| Box::pin(reads::list_records(bench)) },
    Row { name: "createRecord c1, many accounts", run: |bench| Box::pin(writes::create_c1(bench)) },
    Row {
        name: "createRecord c32, many accounts",
        run: |bench| Box::pin(writes::create_c32(bench)),
    },
    Row {
        name: "createRecord c32, many accounts, DPoP",
        run: |bench| Box::pin(clients::create(bench)),
    },
    Row { name: "createRecord c32, one account", run: |bench| Box::pin(writes::create_one(bench)) },
    Row { name: "applyWrites 10 c32", run: |bench| Box::pin(writes::apply_10(bench)) },
    Row { name: "put+delete c32", run: |bench| Box::pin(writes::put_delete(bench)) },
    Row { name: "write cost by size", run: |bench| Box::pin(writes::growth(bench)) },
    Row { name: "getRepo", run: |bench| Box::pin(repos::export(bench)) },
    Row { name: "importRepo", run: |bench| Box::pin(repos::import(bench)) },
    Row { name: "event after silence", run: |bench| Box::pin(firehose::after_silence(bench)) },
    Row { name: "fan-out", run: |bench| Box::pin(firehose::fan_out(bench)) },
    Row { name: "replay from 0", run: |bench| Box::pin(firehose::replay(bench)) },
    Row { name: "uploadBlob 1 MB c8", run: |bench| Box::pin(blobs::upload(bench)) },
    Row { name: "getBlob 1 MB c8", run: |bench| Box::pin(blobs::download(bench)) },
    Row { name: "uploadBlob 300 MiB", run: |bench| Box::pin(blobs::upload_large(bench)) },
    Row { name: "getBlob 300 MiB", run: |bench| Box::pin(blobs::download_large(bench)) },
    Row { name: "proxied query c32", run: |bench| Box::pin(proxied::plain(bench)) },
    Row {
        name: "getTimeline, one own post c32",
        run: |bench| Box::pin(proxied::read_after_write(bench)),
    },
    Row { name: "createSession c8", run: |bench| Box::pin(writes::sessions(bench)) },
    Row { name: "OAuth refresh c32", run: |bench| Box::pin(clients::refresh(bench)) },
    Row { name: "memory after load", run: |bench| Box::pin(memory_after(bench)) },
];

async fn memory_idle(bench: &Bench) -> anyhow::Result<Figures> {
    Ok(Figures {
        note: format!("{:.0} MiB before the first account", bench.idle.rss_mib),
        ..Figures::default()
    })
}

async fn memory_after(bench: &Bench) -> anyhow::Result<Figures> {
    let usage = bench.usage()?;
    Ok(Figures {
        note: format!("{:.0} MiB, at most {:.0} MiB", usage.rss_mib, usage.peak_mib),
        ..Figures::default()
    })
}

/// Runs `operation` from `concurrency` connections until the time is up.
///
/// The operation gets its connection, which it gives back, and a running number, distinct over
/// all connections.
pub(crate) async fn load<F, Fut>(
    bench: &Bench,
    concurrency: usize,
    operation: F,
) -> anyhow::Result<Figures>
where
    F: Fn(Client, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<Client>> + Send,
{
    let operation = Arc::new(operation);
    let before = bench.usage()?;
    let started = Instant::now();
    let until = started + bench.scale.duration;
    let mut tasks = Vec::new();
    for worker in 0..concurrency {
        let mut client = bench.client().await?;
        let operation = Arc::clone(&operation);
        tasks.push(tokio::spawn(async move {
            let mut latencies = Latencies::default();
            let mut number = worker;
            while Instant::now() < until {
                let sent = Instant::now();
                client = operation(client, number).await?;
                latencies.push(sent.elapsed());
                number += concurrency;
            }
            anyhow::Ok(latencies)
        }));
    }
    let mut all = Latencies::default();
    for task in tasks {
        all.extend(task.await??);
    }
    let elapsed = started.elapsed();
    figures(bench, before, elapsed, all.len(), Some(all))
}

/// Figures of `count` operations that ended now.
pub(crate) fn figures(
    bench: &Bench,
    before: process::Usage,
    elapsed: Duration,
    count: usize,
    latencies: Option<Latencies>,
) -> anyhow::Result<Figures> {
    let after = bench.usage()?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = count.max(1) as f64;
    Ok(Figures {
        cpu_ms: Some((after.cpu_ms - before.cpu_ms) / count),
        per_second: Some(count / elapsed.as_secs_f64()),
        latency_ms: latencies.map(|mut all| (all.percentile(0.5), all.percentile(0.99))),
        note: String::new(),
    })
}
