//! `cairn serve`: the server for real.

use std::path::Path;

use anyhow::Context;

use crate::config::Config;
use crate::{instance, mail, shutdown};

/// Runs until it is asked to end.
pub(crate) fn run(file: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(file).context("the configuration is not usable")?;
    shutdown::start_log(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    shutdown::runtime()?.block_on(async {
        // First the socket: whoever waits for the server finds it at once, and is answered as
        // soon as the store is open.
        let listener = instance::bind(&config).await?;
        let instance = instance::open(&config, &listener, mail::mailers(&config.mail)).await?;
        if config.mail.accounts.is_none() {
            tracing::warn!("no mail server is configured: mail waits at /admin/outbox");
        }
        println!("cairn: listening on {}", instance.public_url);
        instance.run(listener, shutdown::requested()).await
    })
}
