//! A ClickHouse database for tests: `tests/clickhouse/server.py`, which serves the engine of chdb over HTTP.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tillroll_collector::projection::{ClickHouseAddress, ClickHouseEngine};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clickhouse/server.py");
const CHDB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/chdb");

/// A running server. It is killed when it is dropped.
pub(crate) struct Database {
    process: Child,
    pub(crate) port: u16,
    folder: TempDir,
}

impl Database {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (process, port) = run(folder.path(), 0);
        Self { process, port, folder }
    }

    /// Creates an empty database and returns an engine that is not open yet.
    pub(crate) fn engine(&self, name: &str) -> ClickHouseEngine {
        ClickHouseEngine::new(self.create(name).parse::<ClickHouseAddress>().unwrap(), String::new(), None)
    }

    /// Creates an empty database and returns its address.
    pub(crate) fn create(&self, name: &str) -> String {
        self.execute(&format!("CREATE DATABASE {name}"));
        format!("clickhouse://default@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs a statement, and returns what it prints.
    pub(crate) fn execute(&self, sql: &str) -> String {
        self.post("/", sql)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        let mut response = ureq::post(format!("http://127.0.0.1:{}{path}", self.port)).send(body).unwrap();
        response.body_mut().read_to_string().unwrap()
    }

    /// Kills the server. Its port stays its own.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Deletes the data of a server that does not run.
    pub(crate) fn empty(&mut self) {
        self.folder = tempfile::tempdir().unwrap();
    }

    /// Starts the server again, with the same data.
    pub(crate) fn restart(&mut self) {
        (self.process, self.port) = run(self.folder.path(), self.port);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(folder: &Path, port: u16) -> (Child, u16) {
    let mut command = Command::new("python3");
    command.args([SERVER, folder.to_str().unwrap(), &port.to_string()]).env("PYTHONPATH", CHDB).stdout(Stdio::piped());
    let mut process = command.spawn().expect("python3");
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (process, line.trim().parse().expect("the port; install the engine with `cargo xtask test --only clickhouse`"))
}
