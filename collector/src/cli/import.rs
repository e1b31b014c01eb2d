//! `tillroll import RESOURCE FILE`: imports lines into a data folder, or through a running server.
//!
//! The file is read in chunks, and each chunk is stored before the next one is read. Repeating an import is harmless: a record replaces
//! the one with the same id.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Deserialize;

use crate::addresses::AddressRules;
use crate::cli::choose_project;
use crate::cli::chunks::{Chunk, Chunks};
use crate::cli::files::failed;
use crate::cli::progress::byte_bar;
use crate::cli::server::{ServerClient, ServerFlags};
use crate::clock::{self, Clock};
use crate::config::currency::Currency;
use crate::config::{DataFolder, ReceiptFlags, per_project};
use crate::import::{self, Import, ImportResponse, Parser};
use crate::operator_error::with_advice;
use crate::projects;
use crate::resource::Resource;
use crate::store::{FILE, Options, ReadOnlyStore, Store, StoreError};
use crate::telemetry::Telemetry;

/// How often a request is sent to a busy server.
const MAX_ATTEMPTS: usize = 60;

/// How often a request is sent to a server that does not accept the credentials, and the delay between two attempts.
const MAX_LOGIN_ATTEMPTS: usize = 4;
const LOGIN_DELAY: Duration = Duration::from_millis(500);

/// The longest delay between two attempts, whatever the server requests.
const MAX_RETRY_AFTER_SECS: u64 = 30;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// The largest response that is read, in bytes.
const MAX_RESPONSE_BYTES: u64 = 64 << 20;

/// How many rejected lines are printed; the others are only counted.
const MAX_PRINTED_REJECTIONS: usize = 20;

/// The flags of `tillroll import`.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Resource to import
    #[arg(value_name = "RESOURCE")]
    pub what: Resource,

    /// File with one JSON object per line; - reads standard input
    pub file: PathBuf,

    /// Import through the server at this address. Without it, the data folder must not be in use by a server
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,

    /// Token and secret of the project, for --server. Other users of this machine can read a command line: prefer the environment
    #[arg(long, env = "TILLROLL_OWNER", hide_env_values = true, value_name = "TOKEN:SECRET")]
    pub owner: Option<String>,

    /// For --server: accept its certificate if one of these (PEM) signed it, as a private authority does, and no other
    #[arg(long, env = "TILLROLL_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Token of the project in the data folder; a new token creates a project
    #[arg(long, value_name = "TOKEN", conflicts_with = "server")]
    pub project: Option<String>,

    /// The data folder.
    #[command(flatten)]
    pub folder: DataFolder,

    /// What is stored of the lines. A server has its own settings.
    #[command(flatten)]
    pub receipt: ReceiptFlags,
}

/// Runs the command.
pub fn run(flags: &Flags, clock: Clock) -> anyhow::Result<()> {
    let (input, size): (Box<dyn Read>, u64) = if flags.file == Path::new("-") {
        (Box::new(std::io::stdin().lock()), 0)
    } else {
        let file = File::open(&flags.file).with_context(failed("read", &flags.file))?;
        let size = file.metadata().map_or(0, |data| data.len());
        (Box::new(file), size)
    };
    let target = Target::open(flags)?;
    let bar = byte_bar(flags.what.name(), size);
    let (mut chunks, mut total) = (Chunks::new(BufReader::new(input)), Total::default());
    while let Some(chunk) = chunks.next().with_context(failed("read", &flags.file))? {
        let (lines_before, bytes) = (chunk.lines_before, chunk.bytes.len() as u64);
        let summary = target.import(flags.what, chunk, clock).inspect_err(|_| bar.suspend(|| total.print_before_error(flags.what)))?;
        bar.suspend(|| total.add(lines_before, summary));
        bar.inc(bytes);
    }
    bar.finish_and_clear();
    total.finish(flags.what)
}

/// The result of one chunk, from the server's response or from the data folder.
#[derive(Debug, Default, Deserialize)]
struct ImportSummary {
    accepted: usize,
    rejected: Vec<RejectedLine>,
    ignored: usize,
    duplicates: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct RejectedLine {
    line: usize,
    message: String,
}

impl From<ImportResponse> for ImportSummary {
    fn from(response: ImportResponse) -> Self {
        let rejected = response.rejected.into_iter().map(|rejected| RejectedLine { line: rejected.line, message: rejected.message });
        Self { accepted: response.accepted, rejected: rejected.collect(), ignored: response.ignored, duplicates: response.duplicates }
    }
}

enum Target {
    Folder { runtime: tokio::runtime::Runtime, store: Box<Store>, target: import::Target },
    Server(ServerClient),
}

impl Target {
    fn open(flags: &Flags) -> anyhow::Result<Self> {
        if let Some(url) = &flags.server {
            if flags.owner.is_none() {
                bail!("imports through a server need --owner TOKEN:SECRET or TILLROLL_OWNER");
            }
            let flags = ServerFlags { server: url.clone(), owner: flags.owner.clone(), ca_file: flags.ca_file.clone() };
            return Ok(Self::Server(ServerClient::new(&flags)?));
        }
        let data = &flags.folder.data;
        let added = projects::active_tokens(data)?;
        if flags.project.is_none() && added.is_empty() && !data.join(FILE).is_file() {
            bail!("the data folder has no projects; choose the token of a new one with --project TOKEN");
        }
        let store = match Store::open(data, Options::default(), Arc::new(Telemetry::default())) {
            Err(StoreError::InUse(folder)) => {
                bail!("a server uses the data folder {}; import through it with --server URL, or stop it", folder.display())
            }
            result => result.map_err(with_advice)?,
        };
        if let Some(token) = &flags.project {
            store.project(token).map_err(with_advice)?;
        }
        // A project that was added a moment ago is not in the store yet.
        added.iter().try_for_each(|token| store.project(token).map(|_| ())).map_err(with_advice)?;
        let projects = ReadOnlyStore::open(data).map_err(with_advice)?.projects()?;
        let (project, token) = choose_project(&projects, flags.project.as_deref())?;
        let ReceiptFlags { addresses, currencies } = &flags.receipt;
        per_project::check("--currency", currencies)?;
        let currency = per_project::of_project(currencies, token).map_or("", Currency::as_str).to_owned();
        let target = import::Target { project: *project, addresses: AddressRules::new(addresses).of(token), currency };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self::Folder { runtime, store: Box::new(store), target })
    }

    fn import(&self, resource: Resource, chunk: Chunk, clock: Clock) -> anyhow::Result<ImportSummary> {
        match self {
            Self::Folder { runtime, store, target } => {
                let import = Import::new(target.clone(), resource, clock.millis());
                let parse = |parser: Parser| async { Ok::<_, anyhow::Error>(tokio::task::spawn_blocking(|| parser.run()).await?) };
                let imported = runtime.block_on(import.run(store, chunk.bytes.into(), parse));
                Ok(imported.map_err(|error| error.downcast().map_or_else(|error| error, with_advice))?.into())
            }
            Self::Server(client) => post(client, resource, &chunk.bytes),
        }
    }
}

fn post(client: &ServerClient, resource: Resource, bytes: &[u8]) -> anyhow::Result<ImportSummary> {
    let url = &client.url;
    let address = format!("{url}/import/{}", resource.name());
    let context = || format!("the server at {url} does not answer");
    for attempt in 0..MAX_ATTEMPTS {
        let request = client.agent.post(&address).header("content-type", "application/x-ndjson");
        let request = client.authorization().iter().fold(request, |request, value| request.header("authorization", *value));
        let request = request.config().timeout_recv_response(Some(REQUEST_TIMEOUT)).timeout_global(Some(REQUEST_TIMEOUT)).build();
        let mut response = request.send(bytes).map_err(|error| client.no_response(error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_string().with_context(context)?;
        match status {
            200 => return serde_json::from_str(&text).with_context(context),
            // A running server applies a new project within a second.
            401 if attempt < MAX_LOGIN_ATTEMPTS => clock::sleep(LOGIN_DELAY),
            429 | 503 => clock::sleep(Duration::from_secs(retry_after.unwrap_or(1).min(MAX_RETRY_AFTER_SECS))),
            _ => bail!("the server rejected the import with status {status}: {text}"),
        }
    }
    Err(anyhow!("it was busy for {MAX_ATTEMPTS} attempts")).with_context(context)
}

#[derive(Default)]
struct Total {
    accepted: usize,
    rejected: usize,
    ignored: usize,
    duplicates: u64,
}

impl Total {
    fn add(&mut self, lines_before: usize, summary: ImportSummary) {
        self.accepted += summary.accepted;
        self.ignored += summary.ignored;
        self.duplicates += summary.duplicates.unwrap_or_default();
        for rejected in summary.rejected {
            self.rejected += 1;
            if self.rejected <= MAX_PRINTED_REJECTIONS {
                eprintln!("line {}: {}", lines_before + rejected.line, rejected.message);
            }
        }
    }

    fn print_before_error(&self, resource: Resource) {
        eprintln!(
            "Imported {} lines of {} before the error. Run the import again when its cause is removed.",
            self.accepted,
            resource.name()
        );
    }

    fn finish(self, resource: Resource) -> anyhow::Result<()> {
        eprintln!("Imported {} lines of {}.", self.accepted, resource.name());
        if self.duplicates > 0 {
            eprintln!("{} of them were stored already.", self.duplicates);
        }
        if self.ignored > 0 {
            eprintln!("{} of them have unknown fields, which were ignored.", self.ignored);
        }
        if self.rejected > 0 {
            bail!("{} lines were rejected (see above); the rest were imported", self.rejected);
        }
        Ok(())
    }
}
