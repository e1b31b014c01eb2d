//! `tillroll projects`: manages the projects in the data folder. A running server applies a change within a second.
//!
//! A secret is printed once, when it is created.

use std::io::Read;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;

use crate::cli::files::failed;
use crate::clock::Clock;
use crate::config::DataFolder;
use crate::projects::file;
use crate::store::create_folder;
use crate::text_input::without_byte_order_mark;
use crate::time::format_rfc3339_secs;

/// The subcommands of `tillroll projects`.
#[derive(Debug, Subcommand)]
pub enum ProjectsCommand {
    /// List each project's token and state
    List(DataFolder),
    /// Add a project or restore a retired one, and print TOKEN:SECRET
    Add {
        /// The project's token; a random one is created if it is missing. A token that was used before gets its stored events back
        token: Option<String>,
        /// Read the secret from standard input instead of creating one
        #[arg(long)]
        secret_stdin: bool,
        /// The data folder.
        #[command(flatten)]
        folder: DataFolder,
    },
    /// Replace a project's secret and print TOKEN:SECRET
    RotateSecret {
        /// The project's token
        token: String,
        /// How long the previous secret stays valid
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = humantime::parse_duration)]
        grace: Duration,
        /// Read the secret from standard input instead of creating one
        #[arg(long)]
        secret_stdin: bool,
        /// The data folder.
        #[command(flatten)]
        folder: DataFolder,
    },
    /// Retire a project: it accepts no events and serves no exports. Its stored data stays
    Retire {
        /// The project's token
        token: String,
        /// The data folder.
        #[command(flatten)]
        folder: DataFolder,
    },
}

impl ProjectsCommand {
    /// Runs the subcommand and returns the text to print.
    pub fn run(self, clock: Clock) -> anyhow::Result<String> {
        let now = clock.millis();
        match self {
            Self::List(folder) => Ok(file::read(&folder.data)?.iter().map(|entry| line(entry, now)).collect()),
            Self::Add { token, secret_stdin, folder } => {
                let token = token.map_or_else(file::random_token, Ok)?;
                let secret = secret(secret_stdin)?;
                // A project may be added before the first start of the server.
                create_folder(&folder.data).with_context(failed("create", &folder.data))?;
                file::change(&folder.data, |entries| file::add(entries, &token, secret.clone()))?;
                Ok(format!("{token}:{secret}\n"))
            }
            Self::RotateSecret { token, grace, secret_stdin, folder } => {
                let secret = secret(secret_stdin)?;
                let until = now.saturating_add(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
                file::change(&folder.data, |entries| file::rotate(entries, &token, secret.clone(), until))?;
                Ok(format!("{token}:{secret}\n"))
            }
            Self::Retire { token, folder } => {
                file::change(&folder.data, |entries| file::retire(entries, &token, now))?;
                Ok(String::new())
            }
        }
    }
}

fn secret(from_stdin: bool) -> anyhow::Result<String> {
    if !from_stdin {
        return file::random_secret();
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read the secret from standard input")?;
    Ok(without_byte_order_mark(&text).trim().to_owned())
}

fn line(entry: &file::Entry, now: u64) -> String {
    let date = |millis: u64| format_rfc3339_secs(millis.cast_signed());
    let state = match entry.retired_at {
        Some(at) => format!("retired {}", date(at)),
        None => "active".into(),
    };
    let previous = entry.secrets.iter().filter_map(|secret| secret.until.filter(|&until| until > now)).max();
    let previous = previous.map_or(String::new(), |until| format!(", previous secret valid until {}", date(until)));
    format!("{:<24} {state}{previous}\n", entry.token)
}
