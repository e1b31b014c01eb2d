//! The members of a group on this machine.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tillroll_cluster::questions::MAX_PERIOD;
use tillroll_cluster::{Collector, Nats, Network, Signal, balance, within};

use super::clickhouse::ClickHouse;
use crate::context::Context;
use crate::setup;

/// How many collectors there are.
const COLLECTORS: usize = 3;

/// The stream that holds the log.
const STREAM: &str = "tillroll";

/// The folder with the files of the members. Each start empties it.
const FOLDER: &str = "target/cluster";

/// The members. Dropping them kills their processes.
pub(crate) struct Members {
    pub(super) network: Network,
    pub(super) nats: Nats,
    pub(crate) collectors: Vec<Collector>,
    /// None where its engine is not installed.
    pub(super) clickhouse: Option<ClickHouse>,
    /// The port of a load balancer before the collectors.
    pub(crate) balancer: u16,
    pub(super) folder: PathBuf,
    /// Held as long as the members run.
    _lock: File,
    /// The library that gives a process another time; it may not be installed.
    pub(super) libfaketime: PathBuf,
}

impl Members {
    /// Starts all members with empty folders, and waits until they are ready.
    pub(crate) fn start(context: &Context) -> Result<Self> {
        Self::start_in(context, Network::direct())
    }

    /// Starts all members in a network.
    pub(super) fn start_in(context: &Context, network: Network) -> Result<Self> {
        let folder = context.path(FOLDER);
        let lock = File::create(folder.with_extension("lock")).context("cannot write below target/")?;
        lock.try_lock().with_context(|| format!("another `cargo xtask cluster` uses {}; stop it first", folder.display()))?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let server = setup::nats_binary(context).context("the NATS server is not installed")?;
        let nats = Nats::start(&server, &folder, &network)?;
        let clickhouse = ClickHouse::start(context, &folder)?;
        let analytics = clickhouse.as_ref().map(ClickHouse::address);
        let mut collectors = Vec::new();
        for at in 0..COLLECTORS {
            let name = format!("collector-{at}");
            let urls = nats.urls(&name, &network)?;
            let mut variables = vec![("TILLROLL_LOG", urls.as_str()), MAX_PERIOD];
            variables.extend(analytics.as_deref().map(|address| ("TILLROLL_ANALYTICS", address)));
            let collector = Collector::new(&context.collector_binary(), &folder, &name, &variables);
            collector.start()?;
            // The first one creates the stream and the project.
            collector.wait_until_ready()?;
            collectors.push(collector);
        }
        let balancer = balance(collectors.iter().map(|collector| collector.port).collect())?;
        Ok(Self { balancer, network, nats, collectors, clickhouse, folder, _lock: lock, libfaketime: setup::libfaketime(context) })
    }

    /// Waits until the first collector has applied this many more entries, or until `is_over`.
    pub(crate) fn wait_for_entries(&self, count: f64, is_over: &AtomicBool) {
        let applied = || self.collectors[0].metric("tillroll_log_applied_entry").unwrap_or_default();
        let end = applied() + count;
        within(Duration::MAX, || is_over.load(Relaxed) || applied() >= end);
    }

    /// Returns which server leads the log.
    pub(super) fn stream_leader(&self) -> Option<usize> {
        self.nats.leader(STREAM)
    }

    /// Returns which collector is the leader.
    pub(super) fn leader(&self) -> Option<usize> {
        self.collectors.iter().position(|collector| collector.metric("tillroll_leader") == Some(1.0))
    }

    /// Stops the collectors as an operator does; the other members are killed.
    pub(super) fn stop(&self) {
        for collector in &self.collectors {
            // One that has ended already needs no signal.
            let _ = collector.process.signal(Signal::TERM);
        }
        for collector in &self.collectors {
            let _ = collector.process.wait();
        }
    }
}
