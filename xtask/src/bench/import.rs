//! `cargo xtask bench import`: imports orders through a running server with `tillroll import`, and prints the documents a second, how long the
//! projection needs afterwards until it shows the last one, and the peak of the server's memory.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::import_orders;
use crate::clock::Stopwatch;
use crate::context::Context;
use crate::demo_history::ImportClient;
use crate::{build, demo, process, setup, step};

const TOKEN: &str = "bench";
const SECRET: &str = "secret";

/// Options of `cargo xtask bench import`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// How many orders, of 4 KB each
    #[arg(long, default_value_t = 100_000)]
    orders: u64,
}

/// Builds the collector, and measures an import into an empty data folder.
pub(super) fn run(context: &mut Context, options: &Options) -> Result<()> {
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR])?;
    let folder = context.path("target/bench-import");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&context.collector_binary(), &folder, options.orders);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(binary: &Path, folder: &Path, orders: u64) -> Result<()> {
    let file = folder.join("orders.ndjson");
    let bytes = import_orders::write(&file, orders)?;
    let mut server = Server::start(binary, &folder.join("data"))?;
    let watch = Stopwatch::start();
    let mut import = Command::new(binary);
    import.args(["import", "orders", "--server", &server.address, "--owner", &format!("{TOKEN}:{SECRET}")]).arg(&file);
    process::run_visible(&mut import)?;
    let seconds = watch.seconds();
    server.wait_until_shown(orders)?;
    let behind = watch.seconds() - seconds;
    println!(
        "{orders} orders of {} bytes: {:.0} documents/s, {behind:.1} s behind at the end, peak memory {}",
        bytes / orders.max(1),
        orders as f64 / seconds,
        server.peak_memory()
    );
    Ok(())
}

/// A running collector. Dropping it ends the process.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("TILLROLL_PROJECTS", format!("{TOKEN}:{SECRET}"));
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| process::start_failure(&command))?;
        let line = process.stdout.take().and_then(|out| BufReader::new(out).lines().next()).context("the collector exited")??;
        Ok(Self { process, address: demo::address_in(&line) })
    }

    /// Waits until a query counts this many orders.
    fn wait_until_shown(&mut self, orders: u64) -> Result<()> {
        let client = ImportClient::new(&self.address, TOKEN, SECRET);
        let count = json!({"field": "order.id", "operator": "value_count"});
        let period = json!({"order": {"date_from": "2021-01-01T00:00:00Z", "date_to": "2025-12-31T00:00:00Z"}});
        // A request for fresh records fails after 15 seconds.
        while client.stats("orders", &count, &period).ok() != Some(json!(orders)) {
            if let Some(status) = self.process.try_wait()? {
                bail!("the collector exited: {status}");
            }
        }
        Ok(())
    }

    /// The most memory that the process had so far. Only Linux reports it.
    fn peak_memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.map_or_else(|| "unknown".into(), |peak| peak.trim().into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}
