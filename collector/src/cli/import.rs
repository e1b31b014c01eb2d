//! `tillroll import WHAT FILE`: lines into a data folder, or through a running server.
//!
//! The file is read piece by piece, and a piece is stored before the next is read. An import may be repeated: what is there already is put
//! in its own place.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use serde::Deserialize;

use crate::Error;
use crate::cli::chunks::{Chunks, Piece};
use crate::cli::{Fault, choose, weighing};
use crate::clock::{self, Clock};
use crate::import;
use crate::resource::Resource;
use crate::store::{FILE, Options, ReadOnlyStore, Store, StoreError};
use crate::telemetry::Telemetry;

/// How often a server that is busy is asked again.
const TRIES: usize = 60;

/// How many refused lines are told; the others are counted.
const TOLD: usize = 20;

/// The flags of `tillroll import`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// What to import
    pub what: Resource,

    /// The file, one JSON object a line; - is the standard input
    pub file: PathBuf,

    /// Import through the server at this address, instead of into a data folder that no server uses
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,

    /// The project's token and secret, for a server
    #[arg(long, env = "TILLROLL_OWNER", hide_env_values = true, value_name = "TOKEN:SECRET")]
    pub owner: Option<String>,

    /// The token of the project, for a data folder; one that is new is made
    #[arg(long, value_name = "TOKEN", conflicts_with = "server")]
    pub project: Option<String>,

    /// The folder in which everything is kept; made if it is missing
    #[arg(long, env = "TILLROLL_DATA", default_value = "./tillroll-data", value_name = "DIR")]
    pub data: PathBuf,
}

/// Imports.
pub fn run(flags: &Flags, clock: Clock) -> Result<(), Error> {
    let fault = |source| Fault::file("read", &flags.file, source);
    let (input, size): (Box<dyn Read>, u64) = if flags.file == Path::new("-") {
        (Box::new(std::io::stdin().lock()), 0)
    } else {
        let file = File::open(&flags.file).map_err(fault)?;
        let size = file.metadata().map_or(0, |data| data.len());
        (Box::new(file), size)
    };
    let target = Target::open(flags)?;
    let bar = weighing(flags.what.name(), size);
    let (mut pieces, mut tally) = (Chunks::new(BufReader::new(input)), Tally::default());
    while let Some(piece) = pieces.next(fault)? {
        let (before, bytes) = (piece.before, piece.bytes.len() as u64);
        let told = target.take(flags.what, piece, clock)?;
        bar.suspend(|| tally.add(before, told));
        bar.inc(bytes);
    }
    bar.finish_and_clear();
    tally.finish(flags.what)
}

/// What the other side says of a piece.
#[derive(Debug, Default, Deserialize)]
struct Told {
    accepted: usize,
    rejected: Vec<Rejected>,
    ignored: usize,
    duplicates: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Rejected {
    line: usize,
    message: String,
}

impl From<import::Answer> for Told {
    fn from(answer: import::Answer) -> Self {
        let rejected = answer.rejected.into_iter().map(|rejected| Rejected { line: rejected.line, message: rejected.message });
        Self { accepted: answer.accepted, rejected: rejected.collect(), ignored: answer.ignored, duplicates: answer.duplicates }
    }
}

enum Target {
    Folder { runtime: tokio::runtime::Runtime, store: Box<Store>, project: i64 },
    Server { agent: ureq::Agent, url: String, authorization: String },
}

impl Target {
    fn open(flags: &Flags) -> Result<Self, Error> {
        if let Some(url) = &flags.server {
            let owner = flags.owner.as_deref().ok_or(Fault::NoOwner)?;
            let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(120))).build();
            let authorization = format!("Basic {}", BASE64_STANDARD.encode(owner));
            return Ok(Self::Server { agent: agent.into(), url: url.trim_end_matches('/').to_owned(), authorization });
        }
        if flags.project.is_none() && !flags.data.join(FILE).is_file() {
            return Err(Fault::WhichProject("none yet".into()).into());
        }
        let store = match Store::open(&flags.data, Options::default(), Arc::new(Telemetry::default())) {
            Err(StoreError::InUse(folder)) => return Err(Fault::InUse(folder).into()),
            other => other?,
        };
        let project = match &flags.project {
            Some(token) => store.project(token)?,
            None => choose(&ReadOnlyStore::open(&flags.data)?.projects()?, None)?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Serve)?;
        Ok(Self::Folder { runtime, store: Box::new(store), project })
    }

    fn take(&self, what: Resource, piece: Piece, clock: Clock) -> Result<Told, Error> {
        match self {
            Self::Folder { runtime, store, project } => {
                let taken = import::take(store, *project, what, clock.millis(), piece.bytes.into());
                runtime.block_on(taken).map(Told::from)
            }
            Self::Server { agent, url, authorization } => Ok(post(agent, url, authorization, what, &piece.bytes)?),
        }
    }
}

fn post(agent: &ureq::Agent, url: &str, authorization: &str, what: Resource, bytes: &[u8]) -> Result<Told, Fault> {
    let address = format!("{url}/import/{}", what.name());
    let silent = |reason: String| Fault::NoAnswer { url: url.to_owned(), reason };
    for _ in 0..TRIES {
        let request = agent.post(&address).header("authorization", authorization).header("content-type", "application/x-ndjson");
        let mut answer = request.send(bytes).map_err(|error| silent(error.to_string()))?;
        let status = answer.status().as_u16();
        let wait = answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().map_err(|error| silent(error.to_string()))?;
        match status {
            200 => return serde_json::from_str(&text).map_err(|error| silent(error.to_string())),
            429 | 503 => clock::sleep(Duration::from_secs(wait.unwrap_or(1).min(30))),
            _ => return Err(Fault::Refused { status, message: text }),
        }
    }
    Err(silent("it was too busy for too long".into()))
}

#[derive(Default)]
struct Tally {
    accepted: usize,
    rejected: usize,
    ignored: usize,
    duplicates: u64,
}

impl Tally {
    fn add(&mut self, before: usize, told: Told) {
        self.accepted += told.accepted;
        self.ignored += told.ignored;
        self.duplicates += told.duplicates.unwrap_or_default();
        for rejected in told.rejected {
            self.rejected += 1;
            if self.rejected <= TOLD {
                eprintln!("line {}: {}", before + rejected.line, rejected.message);
            }
        }
    }

    fn finish(self, what: Resource) -> Result<(), Error> {
        eprintln!("{} lines of {} were imported.", self.accepted, what.name());
        if self.duplicates > 0 {
            eprintln!("{} of them were there before.", self.duplicates);
        }
        if self.ignored > 0 {
            eprintln!("{} of them hold something that nobody knows, which was left out.", self.ignored);
        }
        if self.rejected > 0 { Err(Fault::NotTaken(self.rejected).into()) } else { Ok(()) }
    }
}
