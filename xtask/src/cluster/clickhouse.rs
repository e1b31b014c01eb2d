//! ClickHouse for the group, where its engine is installed: `tests/clickhouse/server.py`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use tillroll_cluster::{Process, free_port, within};

use crate::context::Context;
use crate::setup;

const SERVER: &str = "tests/clickhouse/server.py";

const DATABASE: &str = "tillroll";

/// How long it may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server. Dropping it kills it.
pub(crate) struct ClickHouse {
    pub(super) process: Process,
    pub(super) port: u16,
    server: PathBuf,
    engine: PathBuf,
    store: PathBuf,
}

impl ClickHouse {
    /// Starts the server and creates the database, or returns None if the engine is not installed.
    pub(crate) fn start(context: &Context, folder: &Path) -> Result<Option<Self>> {
        let engine = setup::chdb_folder(context);
        if !engine.exists() {
            return Ok(None);
        }
        let process = Process::new(folder.join("clickhouse.log"));
        let store = folder.join("clickhouse-store");
        let clickhouse = Self { process, port: free_port(), server: context.path(SERVER), engine, store };
        clickhouse.restart()?;
        ureq::post(format!("http://127.0.0.1:{}/", clickhouse.port)).send(format!("CREATE DATABASE {DATABASE}"))?;
        Ok(Some(clickhouse))
    }

    /// Starts the server, also after it was killed, and waits until it responds.
    pub(super) fn restart(&self) -> Result<()> {
        let mut command = Command::new("python3");
        command.arg(&self.server).arg(&self.store).arg(self.port.to_string()).env("PYTHONPATH", &self.engine);
        self.process.start(&mut command)?;
        let url = format!("http://127.0.0.1:{}/ping", self.port);
        let responds = within(START_TIMEOUT, || ureq::get(&url).call().is_ok());
        ensure!(responds, "ClickHouse does not respond; see {}", self.process.log().display());
        Ok(())
    }

    /// Returns the address for `--analytics`.
    pub(crate) fn address(&self) -> String {
        format!("clickhouse://default@127.0.0.1:{}/{DATABASE}", self.port)
    }
}
