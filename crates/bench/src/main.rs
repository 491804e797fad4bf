//! Measures a PDS through its public HTTP API: CPU per operation of the server process first,
//! because machines are shared and noisy, then rates, latency percentiles and memory.
//!
//! Several servers are measured in one run, row by row, so that their figures can be compared:
//!
//! ```text
//! cairn-bench --target cairn=http://localhost:2583@PID --target reference=http://localhost:2683@PID
//! ```
//!
//! The servers must run on this machine (their CPU time is read from `/proc`), without rate limits
//! and without invite codes.

mod accounts;
mod app_view;
mod client;
mod oauth;
mod process;
mod report;
mod rows;
mod stats;

use std::time::Duration;

use anyhow::Context;
use clap::Parser;

/// What to measure, and how much of it.
#[derive(Debug, Parser)]
#[command(version, about = "Measures a PDS through its public HTTP API")]
struct Args {
    /// A server, as NAME=URL@PID; give the option once per server.
    #[arg(long = "target", required = true, value_parser = Target::parse)]
    targets: Vec<Target>,
    /// Only these rows (see the first column of the report); all when absent.
    #[arg(long = "row")]
    rows: Vec<String>,
    /// Seconds of load per timed row.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Accounts of the rows over many accounts.
    #[arg(long, default_value_t = 100)]
    accounts: usize,
    /// Records in the repository of the export and import rows.
    #[arg(long, default_value_t = 20_000)]
    records: usize,
    /// Sizes of a repository at which the cost of a write is measured.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    growth: Vec<usize>,
    /// Subscribers of the fan-out row.
    #[arg(long, default_value_t = 50)]
    subscribers: usize,
    /// Port of loopback for an AppView of our own, which the servers are set to use; without it the rows that pass
    /// requests on fail.
    #[arg(long)]
    app_view: Option<u16>,
}

/// One server under test.
#[derive(Debug, Clone)]
struct Target {
    name: String,
    authority: String,
    pid: u32,
}

impl Target {
    fn parse(text: &str) -> anyhow::Result<Target> {
        let (name, rest) = text.split_once('=').context("a target is NAME=URL@PID")?;
        let (url, pid) = rest.rsplit_once('@').context("a target is NAME=URL@PID")?;
        let authority = url.strip_prefix("http://").context("the URL begins with http://")?;
        Ok(Target {
            name: name.to_owned(),
            authority: authority.trim_end_matches('/').to_owned(),
            pid: pid.parse().context("the process id is a number")?,
        })
    }
}

/// How much load a row makes.
#[derive(Debug, Clone)]
struct Scale {
    duration: Duration,
    accounts: usize,
    records: usize,
    growth: Vec<usize>,
    subscribers: usize,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let scale = Scale {
        duration: Duration::from_secs(args.seconds),
        accounts: args.accounts,
        records: args.records,
        growth: args.growth,
        subscribers: args.subscribers,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut report = report::Report::default();
        let mut benches = Vec::new();
        let app_view = match args.app_view {
            Some(port) => Some(app_view::AppView::start(port).await?),
            None => None,
        };
        for target in &args.targets {
            let bench = rows::Bench::prepare(target.clone(), scale.clone(), app_view.clone())
                .await
                .with_context(|| format!("preparing {}", target.name))?;
            benches.push(bench);
        }
        for row in rows::ALL {
            if !args.rows.is_empty() && !args.rows.iter().any(|name| name == row.name) {
                continue;
            }
            for bench in &benches {
                eprintln!("{} on {}", row.name, bench.target.name);
                match (row.run)(bench).await {
                    Ok(figures) => report.add(row.name, &bench.target.name, figures),
                    // One server's failure is a result; the others are still measured.
                    Err(err) => report.fail(row.name, &bench.target.name, &err),
                }
            }
        }
        println!("{}", report.markdown());
        Ok(())
    })
}
