//! The configuration: flags, the environment variable of each flag, and a file with defaults for both.
//!
//! Each setting is declared once, as a flag in `flags.rs`. Its environment variable and its name in the file follow from that.

mod file;
mod flags;
mod report;

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches};

use crate::Error;
pub use flags::{Cli, Command, DataFolder, LimitFlags, LogFormat, LogLevel, Serve};

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
pub fn read() -> Result<Invocation, Error> {
    let command = Cli::command();
    let matches = command.clone().get_matches();
    let path = matches.subcommand_matches("serve").and_then(|serve| serve.get_one::<PathBuf>("config"));
    match path {
        None => finish(&matches, None),
        Some(path) => {
            let settings = file::read(path, &command)?;
            finish(&settings.as_defaults_of(command).get_matches(), Some(&settings))
        }
    }
}

fn finish(matches: &clap::ArgMatches, settings: Option<&file::Settings>) -> Result<Invocation, Error> {
    let cli = Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    match (&cli.command, matches.subcommand_matches("serve")) {
        (Command::Serve(flags), Some(serve)) if flags.check_config => {
            crate::projects::check(&flags.projects)?;
            Ok(Invocation::Report(report::render(&Cli::command(), serve, settings)))
        }
        _ => Ok(Invocation::Run(cli)),
    }
}
