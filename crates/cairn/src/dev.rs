//! `cairn dev`: everything on loopback, offline.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use cairn_server::config::SettingSource;
use cairn_server::mail::Mailbox;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::{instance, plc, shutdown};

/// Where the development server listens and keeps its data.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// TCP port of the server.
    #[arg(long, default_value_t = 2583)]
    port: u16,
    /// TCP port of the PLC directory.
    #[arg(long, default_value_t = 2582)]
    plc_port: u16,
    /// Folder that keeps everything from one start to the next.
    #[arg(long, default_value = "data/dev")]
    data: PathBuf,
}

/// The admin password of a development server, which only loopback reaches.
const ADMIN_PASSWORD: &str = "admin";

/// Runs until it is asked to end.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = shutdown::runtime()?;
    runtime.block_on(async {
        let plc_listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, args.plc_port)).await.with_context(|| {
                format!("the PLC directory cannot listen on port {}", args.plc_port)
            })?;
        let plc_url = format!("http://localhost:{}", plc_listener.local_addr()?.port());
        let config = config(args, &plc_url)?;
        shutdown::start_log(&config.log)?;
        let listener = instance::bind(&config).await?;
        let directory = plc::open(&args.data.join("plc"))?;
        let instance =
            instance::open(&config, &listener, (Arc::new(Mailbox::default()), None)).await?;

        let (end, ended) = watch::channel(false);
        let wait = move || {
            let mut ended = ended.clone();
            async move {
                // An error means that the sender is gone, which ends the servers too.
                let _ = ended.wait_for(|ended| *ended).await;
            }
        };
        println!("{}", welcome(args, &instance.public_url, &plc_url));
        let directory = tokio::spawn(cairn_plc::serve(plc_listener, directory, wait()));
        let server = tokio::spawn(instance.run(listener, wait()));
        shutdown::requested().await;
        end.send_replace(true);
        server.await??;
        directory.await?.context("serving the PLC directory")
    })
}

/// The configuration of development: nothing of the operator's environment counts.
fn config(args: &Args, plc_url: &str) -> anyhow::Result<Config> {
    let data = args.data.as_os_str().to_owned();
    let filter = std::env::var_os("CAIRN_LOG").unwrap_or_else(|| "warn".into());
    let options: [(&str, OsString); 12] = [
        ("CAIRN_HOSTNAME", "localhost".into()),
        ("CAIRN_LISTEN", "127.0.0.1".into()),
        ("CAIRN_PORT", args.port.to_string().into()),
        ("CAIRN_DEV_MODE", "true".into()),
        ("CAIRN_DATA_DIRECTORY", data),
        ("CAIRN_PLC_URL", plc_url.into()),
        ("CAIRN_ADMIN_PASSWORD", ADMIN_PASSWORD.into()),
        ("CAIRN_SIGN_UP", "open".into()),
        ("CAIRN_RATE_LIMITS_ENABLED", "false".into()),
        ("CAIRN_WRITE_POINTS_PER_HOUR", "0".into()),
        ("CAIRN_WRITE_POINTS_PER_DAY", "0".into()),
        ("CAIRN_LOG", filter),
    ];
    let variables = options.into_iter().map(|(name, value)| (OsString::from(name), value));
    let mut config =
        Config::from_parts(None, variables).context("the configuration of development")?;
    for setting in &mut config.settings {
        if let SettingSource::Variable(_) = setting.source {
            setting.source = SettingSource::Command;
        }
    }
    Ok(config)
}

fn welcome(args: &Args, public_url: &str, plc_url: &str) -> String {
    format!(
        "Cairn runs on {public_url}

  Landing page    {public_url}/
  PLC directory   {plc_url}
  Handles         anything under .test
  Admin           user admin, password {ADMIN_PASSWORD}
  Data            {data} (remove the folder to begin anew)

Make an account and write a first post:

  curl -s {public_url}/xrpc/com.atproto.server.createAccount -H 'Content-Type: application/json' \\
    -d '{{\"handle\":\"alice.test\",\"email\":\"alice@example.com\",\"password\":\"correct horse\"}}'

Or sign in with any AT Protocol client that lets you name the server: {public_url}
Ctrl-C ends it.",
        data = args.data.display()
    )
}
