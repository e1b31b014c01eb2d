//! The table of checks: name, required steps and function of each.
//!
//! The required steps are a list, so a check that runs alone builds only what it needs.

use std::num::NonZero;
use std::process::Command;

use anyhow::Result;

use super::result::CheckResult;
use super::{clickhouse, group_pages, history_import, lint, packages, relocation, runner};
use crate::context::Context;
use crate::step::Step;
use crate::{build, cluster, files, process, setup, size, tidy};

/// One check.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Groups of steps that must have run before.
    pub(super) needs: &'static [&'static [Step]],
    pub(super) run: fn(&Context) -> Result<CheckResult>,
}

/// Fast checks first. The Rust tests come after the build because the collector embeds `dist/`.
pub(super) const CHECKS: &[Check] = &[
    Check { name: "fmt", about: "rustfmt accepts the Rust code", needs: &[setup::RUSTFMT], run: lint::rustfmt },
    Check {
        name: "tidy",
        about: "the code follows the rules of `cargo xtask tidy`",
        needs: &[],
        run: |context| tidy::run(context).map(|()| CheckResult::PASSED),
    },
    Check {
        name: "source-hosts",
        about: "the table of source hosts is what `cargo xtask source-hosts` writes",
        needs: &[],
        run: lint::source_hosts,
    },
    Check { name: "eslint", about: "ESLint finds nothing in the scripts", needs: &[setup::NODE], run: lint::eslint },
    Check {
        name: "deny",
        about: "cargo-deny accepts the licences, versions and sources of the dependencies",
        needs: &[setup::CARGO_DENY],
        run: lint::cargo_deny,
    },
    Check {
        name: "npm-audit",
        about: "the registry reports no vulnerability of a locked npm package",
        needs: &[setup::NODE],
        run: lint::npm_audit,
    },
    Check {
        name: "build",
        about: "dist/ and the release binary build",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR],
        run: |_| Ok(CheckResult::PASSED),
    },
    Check {
        name: "moved",
        about: "the release binary runs from another folder, and searches its DuckDB library there only",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR],
        run: relocation::run,
    },
    Check {
        name: "package",
        about: "the packages are complete and repeatable, and the Debian package can be installed and purged",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR],
        run: packages::run,
    },
    Check {
        name: "size",
        about: "the downloaded files are within the budget",
        needs: &[setup::BUILD, build::PAGE],
        run: |context| size::report(context).map(|()| CheckResult::PASSED),
    },
    Check {
        name: "clippy",
        about: "clippy finds nothing, natively and for WebAssembly",
        needs: &[setup::BUILD, setup::CLIPPY, build::PAGE],
        run: lint::clippy,
    },
    Check {
        name: "rust",
        about: "cargo test passes for the whole workspace",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR],
        run: rust,
    },
    Check {
        name: "scale-out",
        about: "several collectors that share a log and a ClickHouse stay equal, also under faults of machines and of the network",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR, setup::NATS, setup::LIBFAKETIME, setup::CHDB, setup::BROWSERS],
        run: scale_out,
    },
    Check {
        name: "clickhouse",
        about: "ClickHouse answers metrics queries like the embedded engine, and survives faults",
        needs: &[setup::BUILD, build::PAGE, setup::CHDB],
        run: clickhouse::run,
    },
    Check {
        name: "history",
        about: "the demo history is imported completely, and a second import changes nothing",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR],
        run: history_import::run,
    },
    Check {
        name: "page",
        about: "the tests of the scripts pass in Node and in browsers",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR, setup::BROWSERS],
        run: |context| node_tests(context, &["js", "tests/browser", "www"]),
    },
    Check {
        name: "examples",
        about: "the npm package installs and type-checks, and each example works in browsers",
        needs: &[setup::BUILD, build::PAGE, build::COLLECTOR, setup::BROWSERS, setup::EXAMPLES],
        run: |context| node_tests(context, &["tests/examples"]),
    },
    Check {
        name: "wasm-pack",
        about: "wasm-pack builds a package of the core, which works in a browser",
        needs: &[setup::BUILD, setup::WASM_PACK, setup::BROWSERS],
        run: wasm_pack,
    },
];

/// The beginning of the names of tests that need a NATS server.
const SCALE_OUT: &str = "scale_out_";

fn rust(context: &Context) -> Result<CheckResult> {
    runner::run(context, &|failed| {
        let mut cargo = process::cargo(context);
        cargo.args(["test", "--workspace", "--no-fail-fast", "--"]);
        if failed.is_empty() {
            cargo.args(["--skip", SCALE_OUT])
        } else {
            cargo.arg("--exact").args(failed)
        };
        cargo
    })
}

/// How many faults the check makes: two of nearly every kind. And what decides their order.
const FAULTS: usize = 20;
const SEED: u64 = 1;

/// Runs the tests with a NATS server, two at a time, because each starts five to seven processes. Then makes faults in a group.
fn scale_out(context: &Context) -> Result<CheckResult> {
    let tests = runner::run(context, &|failed| {
        let mut cargo = process::cargo(context);
        cargo.args(["test", "--workspace", "--no-fail-fast", "--", "--test-threads", "2"]);
        cargo.envs(setup::nats_binary(context).map(|binary| ("TILLROLL_NATS_SERVER", binary)));
        if failed.is_empty() {
            cargo.arg(SCALE_OUT)
        } else {
            cargo.arg("--exact").args(failed)
        };
        cargo
    })?;
    let is_passed = cluster::check(context, FAULTS, SEED)?;
    let faults = if is_passed { CheckResult::PASSED } else { CheckResult::FAILED };
    Ok(tests.and(faults).and(group_pages::run(context)?))
}

/// Ends a file that hangs, for example because a browser does. The slowest file takes three minutes on two busy processors.
const NODE_TIMEOUT: &str = "--test-timeout=900000";

/// Runs the tests for Node in these folders, which are relative to the root.
fn node_tests(context: &Context, folders: &[&str]) -> Result<CheckResult> {
    let all = folders.iter().flat_map(|folder| files::list(&context.path(folder), &|_| true));
    let tests: Vec<_> = all.filter(|file| file.to_string_lossy().ends_with(".test.mjs")).collect();
    runner::run(context, &|failed| {
        let mut node = process::node(context);
        node.args(["--test", "--test-reporter=spec", NODE_TIMEOUT]);
        if failed.is_empty() {
            // Without it Node leaves one processor free, which is half of two. The tests wait for browsers most of the time.
            let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
            node.arg(format!("--test-concurrency={processors}")).args(&tests)
        } else {
            node.arg("--test-concurrency=1").args(failed)
        };
        node
    })
}

/// Builds the package with wasm-pack, and tests it in a browser.
fn wasm_pack(context: &Context) -> Result<CheckResult> {
    // In this mode wasm-pack downloads nothing; it finds wasm-opt in the npm packages.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [setup::wasm_pack_folder(context), context.path("node_modules/.bin")];
    let folders = own.into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new(setup::wasm_pack_folder(context).join("wasm-pack"));
    command.current_dir(context.root()).env("PATH", std::env::join_paths(folders).unwrap_or(path.clone()));
    command.args(["build", "--mode", "no-install", "--target", "web", "--out-dir", "target/wasm-pack"]);
    process::run_visible(&mut command)?;
    node_tests(context, &["tests/wasm-pack"])
}
