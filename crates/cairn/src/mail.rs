//! `cairn mail`: the way that mail takes, under the operator's eyes.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use cairn_identity::{Clock, SystemClock};
use cairn_server::mail::{Mail, MailError, Mailer, NoMailer, mailer};

use crate::config::{Config, Mail as MailConfig, WayOut};
use crate::shutdown;

/// What to do with mail.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Sends a message with the server's settings and tells what the mail server says.
    Test {
        /// Who gets the message.
        #[arg(long)]
        to: String,
        /// The configuration file; variables come before what it says.
        #[arg(long, env = "CAIRN_CONFIG")]
        config: Option<PathBuf>,
        /// Takes the way of moderators' mail.
        #[arg(long)]
        moderation: bool,
    },
}

/// Runs the command.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Command::Test { to, config, moderation } = args.command;
    let config = Config::load(config.as_deref()).context("the configuration is not usable")?;
    let way = if moderation { &config.mail.moderation } else { &config.mail.accounts };
    let Some(way) = way else {
        let prefix = if moderation { "moderation_email" } else { "email" };
        bail!("`{prefix}_smtp_url` is not set: mail waits at /admin/outbox until it is");
    };
    let text = format!(
        "This message was sent by `cairn mail test` of {}. Mail works.\n",
        config.service.hostname
    );
    let mail = Mail::new(to, "Test message", text, SystemClock.now());
    println!("sending to {} by {}", mail.to, way.route.name());
    let way_out = mailer(way.route.clone(), way.sender.clone());
    let mut tell = |step: &str| println!("  {step}");
    match shutdown::runtime()?.block_on(way_out.probe(mail, &mut tell)) {
        Ok(()) => {
            println!("done");
            Ok(())
        }
        Err(MailError::Smtp(err)) => match err.hint {
            Some(hint) => bail!("{err}\n  hint: {hint}"),
            None => bail!(err),
        },
        Err(err) => Err(err.into()),
    }
}

/// The server's mailers: the ordinary one, and the moderators' if they have one of their own.
pub(crate) fn mailers(config: &MailConfig) -> (Arc<dyn Mailer>, Option<Arc<dyn Mailer>>) {
    let build = |way: &WayOut| mailer(way.route.clone(), way.sender.clone());
    let ordinary = match &config.accounts {
        Some(way) => build(way),
        None => Arc::new(NoMailer),
    };
    (ordinary, config.moderation.as_ref().map(build))
}
