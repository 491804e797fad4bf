//! The program `cairn`: command line, configuration, and the wiring of the parts.

mod config;
mod descriptors;
mod dev;
mod identity;
mod instance;
mod mail;
mod options;
mod plc;
mod secrets;
mod serve;
mod shutdown;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The C library's allocator keeps what a burst of password hashes used once; this one gives it
/// back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A personal data server for the AT Protocol.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything on loopback, offline: server, PLC directory, `.test` handles, mailbox.
    Dev(dev::Args),
    /// Runs the server for real.
    Serve {
        /// The configuration file; variables come before what it says.
        #[arg(long, env = "CAIRN_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Runs a did:plc directory alone.
    Plc(plc::Args),
    /// Tests the way that mail takes.
    Mail(mail::Args),
    /// Lists every option with its variables and default.
    Options,
}

fn main() -> ExitCode {
    cairn_identity::install_crypto_provider();
    let result = match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve { config } => serve::run(config.as_deref()),
        Command::Plc(args) => plc::run(&args),
        Command::Mail(args) => mail::run(args),
        Command::Options => options::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("cairn: {err:#}");
            ExitCode::FAILURE
        }
    }
}
