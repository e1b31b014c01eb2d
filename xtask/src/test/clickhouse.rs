//! Runs the tests that need ClickHouse: those of its faults, the comparison with the reference evaluator, and all tests of the metrics API.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use super::result::CheckResult;
use super::runner;
use crate::context::Context;
use crate::{process, setup};

/// The server of the tests; `tests/clickhouse/server.py` describes it.
const SERVER: &str = "tests/clickhouse/server.py";
/// The port of the server on which every test of the metrics API gets a database of its own.
const PORT_VARIABLE: &str = "TILLROLL_TEST_CLICKHOUSE";

pub(super) fn run(context: &Context) -> Result<CheckResult> {
    let own = runner::run(context, &|failed| tests(context, "clickhouse", failed))?;
    let folder = std::env::temp_dir().join(format!("tillroll-clickhouse-{}", std::process::id()));
    let api = with_server(context, &folder, |port| {
        runner::run(context, &|failed| {
            let mut api = tests(context, "metrics_http", failed);
            api.env(PORT_VARIABLE, port);
            api
        })
    });
    let _ = std::fs::remove_dir_all(&folder);
    Ok(own.and(api?))
}

/// Returns the command that runs the tests of one file, or only the failed ones.
fn tests(context: &Context, name: &str, failed: &[String]) -> Command {
    let mut cargo = process::cargo(context);
    cargo.args(["test", "--workspace", "--no-fail-fast", "--test", name, "--"]);
    if !failed.is_empty() {
        cargo.args(["--test-threads", "1", "--exact"]).args(failed);
    }
    cargo
}

fn with_server<T>(context: &Context, folder: &Path, work: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    let mut server = Command::new("python3");
    server.current_dir(context.root()).arg(SERVER).arg(folder).arg("0").env("PYTHONPATH", setup::chdb_folder(context));
    let mut server = server.stdout(Stdio::piped()).spawn().context("cannot start python3")?;
    let result = port(&mut server).and_then(|port| work(&port));
    let _ = server.kill();
    let _ = server.wait();
    result
}

/// Returns the port that the server prints once it is ready.
fn port(server: &mut Child) -> Result<String> {
    let output = server.stdout.take().context("the server has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
