//! Runs the tests that need ClickHouse: those of its faults, the comparison with the reference evaluator, and all tests of the metrics API.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::result::CheckResult;
use super::runner;
use crate::context::Context;
use crate::{build, process, setup};

/// The server of the tests; `tests/clickhouse/server.py` describes it.
const SERVER: &str = "tests/clickhouse/server.py";
/// The port of the server on which every test of the metrics API gets a database of its own.
const PORT_VARIABLE: &str = "TILLROLL_TEST_CLICKHOUSE";

pub(super) fn run(context: &Context) -> Result<CheckResult> {
    let binaries = build_tests(context)?;
    let own = runner::run(context, &|failed| tests(context, &binaries[0], failed))?;
    let folder = std::env::temp_dir().join(format!("tillroll-clickhouse-{}", std::process::id()));
    let api = with_server(context, &folder, |port| {
        runner::run(context, &|failed| {
            let mut api = tests(context, &binaries[1], failed);
            api.env(PORT_VARIABLE, port);
            api
        })
    });
    let _ = std::fs::remove_dir_all(&folder);
    Ok(own.and(api?))
}

/// The files of tests.
const TESTS: [&str; 2] = ["clickhouse", "metrics_http"];

/// Builds the files of tests, and returns their programs.
///
/// With `--bins`, cargo selects the same features of dependencies as for all tests of the workspace. Otherwise it compiles most of them again.
fn build_tests(context: &Context) -> Result<[PathBuf; 2]> {
    let mut cargo = process::cargo(context);
    cargo.args(["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics", "--bins"]);
    cargo.args(TESTS.iter().flat_map(|name| ["--test", name])).stderr(Stdio::inherit());
    let output = cargo.output().with_context(|| process::start_failure(&cargo))?;
    let output = String::from_utf8_lossy(&output.stdout);
    let artifacts: Vec<Value> = output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let program = |name: &str| {
        let of_test = artifacts.iter().find(|artifact| artifact["target"]["name"] == name && artifact["target"]["kind"][0] == "test");
        of_test
            .and_then(|artifact| artifact["executable"].as_str())
            .map(PathBuf::from)
            .with_context(|| format!("the tests of {name} do not build"))
    };
    Ok([program(TESTS[0])?, program(TESTS[1])?])
}

/// Returns the command that runs the tests of one file, or only the failed ones.
fn tests(context: &Context, program: &Path, failed: &[String]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(context.path("collector")).env("LD_LIBRARY_PATH", build::engine_folder(context));
    if !failed.is_empty() {
        command.args(["--test-threads", "1", "--exact"]).args(failed);
    }
    command
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
