//! `tillroll projects`: the projects that are kept in the data folder. A running server notices what changes here within a second.
//!
//! A secret is printed when it is made, once, and never again.

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use clap::{Args, Subcommand};

use crate::Error;
use crate::clock::Clock;
use crate::projects::file;
use crate::store::make_folder;

/// What can be done with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectRegistry {
    /// List tokens and how many secrets each has
    List(Folder),
    /// Add a project, or bring a retired one back; prints TOKEN:SECRET
    Add {
        /// Its token; one is made if there is none. A token that had events before has them again
        token: Option<String>,
        /// Read the secret from standard input instead of making one
        #[arg(long)]
        secret_stdin: bool,
        /// Where it is kept.
        #[command(flatten)]
        folder: Folder,
    },
    /// Replace a project's secret; prints TOKEN:SECRET
    RotateSecret {
        /// Its token
        token: String,
        /// How long the secret before it is good still
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = humantime::parse_duration)]
        grace: Duration,
        /// Read the secret from standard input instead of making one
        #[arg(long)]
        secret_stdin: bool,
        /// Where it is kept.
        #[command(flatten)]
        folder: Folder,
    },
    /// End a project: nobody can send to it or read from it any more. What it has stored stays
    Retire {
        /// Its token
        token: String,
        /// Where it is kept.
        #[command(flatten)]
        folder: Folder,
    },
}

/// Where the projects are.
#[derive(Debug, Args)]
pub struct Folder {
    /// The folder in which everything is kept
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

impl ProjectRegistry {
    /// Does it and returns what is to be printed.
    pub fn run(self, clock: Clock) -> Result<String, Error> {
        let now = clock.millis();
        match self {
            Self::List(folder) => Ok(file::read(&folder.data)?.iter().map(|entry| line(entry, now)).collect()),
            Self::Add { token, secret_stdin, folder } => {
                let token = token.map_or_else(|| crate::clock::random_hex::<8>().map_err(Error::Serve), Ok)?;
                let secret = secret(secret_stdin)?;
                // A project may be added before the first start.
                make_folder(&folder.data).map_err(|source| Error::DataFolder { path: folder.data.clone(), source })?;
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

fn secret(from_stdin: bool) -> Result<String, Error> {
    if !from_stdin {
        return file::secret().map_err(Error::Serve);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(Error::Serve)?;
    Ok(text.trim().to_owned())
}

fn line(entry: &file::Entry, now: u64) -> String {
    let state = match entry.retired_at {
        Some(at) => format!("retired {}", date(at)),
        None => "in use".into(),
    };
    let former = entry.secrets.iter().filter_map(|secret| secret.until.filter(|&until| until > now)).max();
    let former = former.map_or(String::new(), |until| format!(", the secret before it until {}", date(until)));
    format!("{:<24} {state}{former}\n", entry.token)
}

fn date(millis: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(millis)).to_string()
}
