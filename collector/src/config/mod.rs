//! What an operator can say: flags, the environment behind each flag, and a file behind both.
//!
//! Each setting is declared once, as a flag. Environment and file follow from the flags, so none can be forgotten in one of the three.

mod file;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::Error;
use crate::cli::projects::ProjectRegistry;
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
    Serve(Box<Serve>),
    /// Write events or the current state as lines of JSON; a server may go on using the data folder
    Export(crate::cli::export::Flags),
    /// Take in what an export has written, or orders, carts and returns as a search shows them
    Import(crate::cli::import::Flags),
    /// Copy the data folder, of a running server too
    Backup(crate::cli::backup::Flags),
    /// Make a data folder of a backup
    Restore(crate::cli::restore::Flags),
    /// Look after the keys that access tokens are signed with
    #[command(subcommand)]
    Keys(Keys),
    /// Look after the projects that are kept in the data folder
    #[command(subcommand)]
    ProjectRegistry(ProjectRegistry),
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
    /// Take settings from this TOML file: the names of these flags, without the dashes in front. Flags and environment win over it
    #[arg(long, env = "TILLROLL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print each setting and where it comes from, and stop
    #[arg(long)]
    pub check_config: bool,

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
    #[arg(long, env = "TILLROLL_METRICS_DAYS", default_value_t = crate::metrics::parse::MAX_RANGE_DAYS, value_name = "DAYS")]
    pub metrics_days: i64,

    /// Serve the demo shop at /, and open /live to everybody on this machine
    #[arg(long)]
    pub demo: bool,

    /// How the log is written to standard error
    #[arg(long, env = "TILLROLL_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// What is logged: errors, warnings too, the server's own doings too, or every request
    #[arg(long, env = "TILLROLL_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: LogLevel,

    /// How long requests that were taken may need to be answered once the server stops
    #[arg(long, env = "TILLROLL_SHUTDOWN_DEADLINE", default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub shutdown_deadline: Duration,

    /// Take events that were stored longer ago than this out of the log; customers, orders, carts and returns stay
    #[arg(long, env = "TILLROLL_KEEP_EVENTS", value_name = "TIME", value_parser = duration)]
    pub keep_events: Option<Duration>,

    /// Below this much free room on the disk of the data folder, in MB, nothing new is stored; of a small disk a twentieth
    #[arg(long, env = "TILLROLL_RESERVE", default_value_t = 64, value_name = "MB")]
    pub reserve: u64,

    /// What a caller may ask for.
    #[command(flatten)]
    pub bounds: LimitFlags,
}

/// The flags of `tillroll serve` that say what a caller may ask for.
#[derive(Clone, Debug, Args)]
pub struct LimitFlags {
    /// The most connections at the same time; who comes after is told to come again
    #[arg(long, env = "TILLROLL_MAX_CONNECTIONS", default_value_t = 8192, value_name = "COUNT")]
    pub max_connections: u32,

    /// How long a client may take to say what it asks for, and may keep an idle connection
    #[arg(long, env = "TILLROLL_HEADER_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = duration)]
    pub header_timeout: Duration,

    /// How long a client may take to send a body
    #[arg(long, env = "TILLROLL_BODY_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = duration)]
    pub body_timeout: Duration,

    /// How long a client may take nothing of an answer
    #[arg(long, env = "TILLROLL_SEND_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = duration)]
    pub send_timeout: Duration,

    /// How long the answer to a page, a back end or an analyst may take to begin
    #[arg(long, env = "TILLROLL_ANSWER_TIMEOUT", default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub answer_timeout: Duration,

    /// The most requests a second of one address, 0 for no limit. This machine itself has none
    #[arg(long, env = "TILLROLL_RATE_PER_ADDRESS", default_value_t = 500, value_name = "COUNT")]
    pub rate_per_address: u32,

    /// The most requests a second to one project, 0 for no limit
    #[arg(long, env = "TILLROLL_RATE_PER_PROJECT", default_value_t = 0, value_name = "COUNT")]
    pub rate_per_project: u32,

    /// Believe X-Forwarded-For, of which this many proxies of yours each add one address
    #[arg(long, env = "TILLROLL_TRUST_PROXY", default_value_t = 0, num_args = 0..=1, require_equals = true, default_missing_value = "1",
          value_name = "COUNT")]
    pub trust_proxy: usize,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What somebody has to look at.
    Error,
    /// What somebody should know of.
    Warn,
    /// What the server does by itself.
    Info,
    /// Every request.
    Debug,
}

/// What the command line asks for.
pub enum Invocation {
    /// A command.
    Do(Cli),
    /// To be told what the configuration is.
    Report(String),
}

/// Reads the command line, and the file that it names. What the parser itself has to say is said, and ends the program.
pub fn read() -> Result<Invocation, Error> {
    let command = Cli::command();
    let said = command.clone().get_matches();
    let path = said.subcommand_matches("serve").and_then(|serve| serve.get_one::<PathBuf>("config"));
    match path {
        None => finish(&said, None),
        Some(path) => {
            let settings = file::read(path, &command)?;
            finish(&settings.behind(command).get_matches(), Some(&settings))
        }
    }
}

fn finish(said: &clap::ArgMatches, settings: Option<&file::Settings>) -> Result<Invocation, Error> {
    let cli = Cli::from_arg_matches(said).unwrap_or_else(|error| error.exit());
    match (&cli.command, said.subcommand_matches("serve")) {
        (Command::Serve(flags), Some(serve)) if flags.check_config => {
            crate::projects::check(&flags.projects)?;
            Ok(Invocation::Report(report::print(&Cli::command(), serve, settings)))
        }
        _ => Ok(Invocation::Do(cli)),
    }
}

/// Reads `30s`, `5m`, `400d`.
fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) => Err("must be longer than nothing".into()),
        Err(error) => Err(format!("{error}; write a time such as 30s, 5m or 400d")),
    }
}
