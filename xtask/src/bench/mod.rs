//! `cargo xtask bench`: the benchmarks. They print ratios, which compare between machines; absolute numbers do not.

mod import;
mod import_orders;
mod page;

use anyhow::{Context as _, Result};

use crate::cluster::ClickHouse;
use crate::context::Context;
use crate::{build, process, setup, step};

/// The files of the ClickHouse server. Each start empties it.
const CLICKHOUSE_FOLDER: &str = "target/bench-clickhouse";

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    subject: Option<Subject>,
    /// Store ten million events and print the memory use, instead of comparing rates
    #[arg(long)]
    soak: bool,
}

/// What is measured; without it, the ingest rate of the collector.
#[derive(clap::Subcommand)]
enum Subject {
    /// Measure what the library costs a page in Chromium: start, calls, bytes sent, idle time and memory
    Page(page::Options),
    /// Send the worst requests to each public endpoint beside a normal load; print its p99 with and without them, and the peak of memory
    Abuse(Abuse),
    /// Compare a group of three collectors with a bare publisher of the same requests, and a node that catches up with one collector
    Cluster,
    /// Compare ClickHouse, filled and asked by the collector, with bare inserts and statements
    Clickhouse,
    /// Import orders through a running server; print the rate, how far the projection is behind at the end, and the peak of memory
    Import(import::Options),
    /// Bring the events of visits over to the projection; print the rate and the bytes that an event takes in its file, and compare the commonest
    /// questions of the reports with bare statements
    Traffic(Traffic),
}

/// Options of `cargo xtask bench traffic`.
#[derive(clap::Args)]
struct Traffic {
    /// How many events
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
}

/// Options of `cargo xtask bench abuse`.
#[derive(clap::Args)]
struct Abuse {
    /// How long each attack lasts, in seconds
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// Only the attacks whose names contain this text
    #[arg(long, default_value = "")]
    only: String,
}

/// Runs the benchmarks.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<()> {
    match &options.subject {
        Some(Subject::Page(page)) => page::run(context, page),
        Some(Subject::Import(import)) => import::run(context, import),
        Some(Subject::Abuse(abuse)) => collector_example(context, "abuse", &[&abuse.seconds.to_string(), &abuse.only]),
        Some(Subject::Cluster) => cluster(context),
        Some(Subject::Clickhouse) => clickhouse(context),
        Some(Subject::Traffic(traffic)) => collector_example(context, "traffic", &[&traffic.events.to_string()]),
        None => collector_example(context, "bench", if options.soak { &["soak"] } else { &[] }),
    }
}

fn cluster(context: &mut Context) -> Result<()> {
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR, setup::NATS])?;
    let server = setup::nats_binary(context).context("the NATS server is not installed")?;
    collector_example(context, "group", &[&context.collector_binary().to_string_lossy(), &server.to_string_lossy()])
}

fn clickhouse(context: &mut Context) -> Result<()> {
    step::run(context, &[setup::BUILD, build::PAGE, setup::CHDB])?;
    let folder = context.path(CLICKHOUSE_FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let server = ClickHouse::start(context, &folder)?.context("the engine of ClickHouse is not installed")?;
    collector_example(context, "clickhouse", &[&server.address()])
}

fn collector_example(context: &Context, name: &str, arguments: &[&str]) -> Result<()> {
    let mut cargo = process::cargo(context);
    cargo.args(["run", "--release", "--package", "tillroll-collector", "--example", name, "--"]).args(arguments);
    process::run_visible(&mut cargo)
}
