//! The members of a group on this machine.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tillroll_cluster::{Collector, Nats, Network, Signal};

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
pub(super) struct Members {
    pub(super) network: Network,
    pub(super) nats: Nats,
    pub(super) collectors: Vec<Collector>,
    /// None where its engine is not installed.
    pub(super) clickhouse: Option<ClickHouse>,
    pub(super) folder: PathBuf,
    /// Held as long as the members run.
    _lock: File,
    /// The library that gives a process another time; it may not be installed.
    pub(super) libfaketime: PathBuf,
}

impl Members {
    /// Starts all members with empty folders, and waits until they are ready.
    pub(super) fn start(context: &Context, network: Network) -> Result<Self> {
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
            let mut variables = vec![("TILLROLL_LOG", urls.as_str())];
            variables.extend(analytics.as_deref().map(|address| ("TILLROLL_ANALYTICS", address)));
            let collector = Collector::new(&context.collector_binary(), &folder, &name, &variables);
            collector.start()?;
            // The first one creates the stream and the project.
            collector.wait_until_ready()?;
            collectors.push(collector);
        }
        Ok(Self { network, nats, collectors, clickhouse, folder, _lock: lock, libfaketime: setup::libfaketime(context) })
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
