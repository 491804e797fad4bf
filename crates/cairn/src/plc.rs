//! `cairn plc`: a did:plc directory alone.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use cairn_identity::SystemClock;
use cairn_plc::{Directory, Location};
use tokio::net::TcpListener;

use crate::config::Log;
use crate::shutdown;

/// Where the directory listens and keeps its log.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// TCP port; 0 takes a free one.
    #[arg(long, default_value_t = 2582)]
    port: u16,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,
    /// Folder of the directory's database.
    #[arg(long, default_value = "data/plc")]
    data: PathBuf,
}

/// Runs until it is asked to end.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    shutdown::start_log(&Log { filter: "info".into(), json: false })?;
    shutdown::runtime()?.block_on(async {
        let listener = TcpListener::bind(SocketAddr::new(args.listen, args.port))
            .await
            .with_context(|| format!("listening on {}:{}", args.listen, args.port))?;
        let directory = open(&args.data)?;
        println!("cairn: PLC directory on http://{}", listener.local_addr()?);
        cairn_plc::serve(listener, directory, shutdown::requested()).await.context("serving")
    })
}

/// Opens the directory in a folder, which is made if it is missing.
pub(crate) fn open(data: &std::path::Path) -> anyhow::Result<Directory> {
    std::fs::create_dir_all(data)
        .with_context(|| format!("making the folder {}", data.display()))?;
    Directory::open(&Location::File(data.join("plc.sqlite")), Arc::new(SystemClock))
        .with_context(|| format!("opening the PLC directory in {}", data.display()))
}
