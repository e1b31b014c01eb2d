//! What an operator can say: the command line, and the environment behind each flag.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::vendors::Forwarding;

/// First-party shop tracking: the collector.
#[derive(Debug, Parser)]
#[command(name = "tillroll", version, about, long_about = None, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take events over HTTP, store them, and answer for them
    Serve(Serve),
    /// Write events or the current state as lines of JSON; a server may go on using the data folder
    Export(crate::commands::export::Flags),
    /// Take in what an export has written, or orders, carts and returns as a search shows them
    Import(crate::commands::import::Flags),
    /// Copy the data folder, of a running server too
    Backup(crate::commands::backup::Flags),
    /// Make a data folder of a backup
    Restore(crate::commands::restore::Flags),
    /// Look after the keys that access tokens are signed with
    #[command(subcommand)]
    Keys(Keys),
}

/// What can be done with the keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a new key; tokens of the old one stay good until they end. A running server notices
    Rotate(DataFolder),
}

/// Where the keys are.
#[derive(Debug, Args)]
pub struct DataFolder {
    /// The folder in which everything is kept
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// The flags of `tillroll serve`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "TILLROLL_LISTEN", default_value = "127.0.0.1:7070", value_name = "HOST:PORT")]
    pub listen: String,

    /// Folder for everything that is kept; made if it is missing
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,

    /// A project's public token and its secret; may be given several times. Without any, one is made on the first start and printed
    #[arg(long = "project", env = "TILLROLL_PROJECTS", hide_env_values = true, value_delimiter = ',', value_name = "TOKEN:SECRET")]
    pub projects: Vec<String>,

    /// Serve the page's half from this folder instead of the one built into the program
    #[arg(long, env = "TILLROLL_ASSETS", value_name = "DIR")]
    pub assets: Option<PathBuf>,

    /// Where events are handed on to.
    #[command(flatten)]
    pub forwarding: Forwarding,

    /// The most days that the date filter of a metrics query may cover
    #[arg(long, env = "TILLROLL_METRICS_DAYS", default_value_t = crate::metrics::plan::LONGEST_DAYS, value_name = "DAYS")]
    pub metrics_days: i64,

    /// Serve the demo shop at /, and open /live to everybody on this machine
    #[arg(long)]
    pub demo: bool,
}
