//! The command line: the commands of the program and their help texts.

use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::keys::KeysCommand;
use crate::cli::projects::ProjectsCommand;
use crate::cli::settings::ConfigCommand;
use crate::cli::{backup, doctor, export, import, join, restore, serve_check, shell, tail};
use crate::config::file::{self, Settings};
use crate::config::{DataFolder, Serve, redact, report};

/// First-party tracking for online shops: the collector.
#[derive(Debug, Parser)]
#[command(name = "tillroll", version, about, long_about = None, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server: receive events over HTTP, store them, and serve exports, metrics queries and the live view
    Serve(Box<Serve>),
    /// Write events or the current state as JSON lines. The server may keep running
    Export(export::Flags),
    /// Import the lines of an export, or orders, carts and returns in the format of a metrics search
    Import(Box<import::Flags>),
    /// Copy the data folder. The server may keep running
    Backup(backup::Flags),
    /// Create a data folder from a backup
    Restore(restore::Flags),
    /// Fetch the store of a running collector of a group into an empty data folder, to start another one
    Join(join::Flags),
    /// Make a data folder independent of its group of collectors. No server may use it meanwhile
    Leave(DataFolder),
    /// Print events and rejections of a running server as they arrive: as text on a terminal, as JSON lines elsewhere
    Tail(tail::Flags),
    /// Check a running server by the address that pages use: script, cookie, clock, disk, proxy; exits with 1 if there is a problem
    Doctor(doctor::Flags),
    /// Manage the keys that sign access tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage the projects in the data folder
    #[command(subcommand)]
    Projects(ProjectsCommand),
    /// Help with the configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions of a shell
    Completions(shell::Flags),
    /// Print the manual page, in the format of man(1)
    Man,
}

/// What the command line asks for.
pub enum Invocation {
    /// Run a command.
    Run(Cli),
    /// Print this report of the configuration.
    Report(String),
}

/// Parses the command line and the configuration file that it names.
///
/// For `--help`, `--version` and invalid flags, the parser prints its message and exits.
pub fn parse() -> anyhow::Result<Invocation> {
    let command = Cli::command();
    let found = matches(command.clone());
    let path = found.subcommand_matches("serve").and_then(|serve| serve.get_one::<PathBuf>("config"));
    match path {
        None => finish(&found, None),
        Some(path) => {
            let settings = file::read(path, &command)?;
            finish(&matches(settings.as_defaults_of(command)), Some(&settings))
        }
    }
}

/// Parses the arguments and the environment.
fn matches(command: clap::Command) -> ArgMatches {
    command.try_get_matches().unwrap_or_else(|error| redact::error(error).exit())
}

fn finish(matches: &ArgMatches, settings: Option<&Settings>) -> anyhow::Result<Invocation> {
    let cli = Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    if let (Command::Serve(flags), Some(serve)) = (&cli.command, matches.subcommand_matches("serve")) {
        serve_check::check(flags, serve, settings)?;
    }
    match (&cli.command, matches.subcommand_matches("serve")) {
        (Command::Serve(flags), Some(serve)) if flags.check_config => {
            serve_check::check_files(flags)?;
            Ok(Invocation::Report(report::render(&Cli::command(), serve, settings)))
        }
        _ => Ok(Invocation::Run(cli)),
    }
}
