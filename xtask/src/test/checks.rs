//! The checks, as a table: what each is called, what has to be there before it, and what it runs.
//!
//! What must be there is a list of steps, so a check that is run alone brings up just what it needs.

use std::process::Command;

use super::count::Tally;
use super::{moved, past};
use crate::context::Context;
use crate::error::Error;
use crate::step::Step;
use crate::{build, files, process, setup, size, tidy};

/// One check.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) needs: &'static [&'static [Step]],
    pub(super) run: fn(&Context) -> Result<Verdict, Error>,
}

/// What a check says.
pub(super) enum Verdict {
    /// It ran; a check without single tests counts as one. What failed is told, as far as its runner did.
    Ran { passed: u64, failed: u64, told: Vec<String> },
    /// This machine has not got what it would check with.
    Skipped(String),
}

impl Verdict {
    pub(super) const PASSED: Self = Self::Ran { passed: 1, failed: 0, told: Vec::new() };
    pub(super) const FAILED: Self = Self::Ran { passed: 0, failed: 1, told: Vec::new() };
}

/// Cheap ones first. The Rust tests stand behind the build because the collector takes in `dist/`.
pub(super) const CHECKS: &[Check] = &[
    Check { name: "fmt", about: "the Rust code is formatted", needs: &[setup::FORMATTER], run: fmt },
    Check { name: "tidy", about: "the house rules hold", needs: &[], run: |context| tidy::run(context).map(|()| Verdict::PASSED) },
    Check {
        name: "build",
        about: "dist/ and the release binary are made",
        needs: &[setup::BUILD, build::PAGE, build::BINARY],
        run: |_| Ok(Verdict::PASSED),
    },
    Check {
        name: "moved",
        about: "the release binary and its engine run from another folder",
        needs: &[setup::BUILD, build::PAGE, build::BINARY],
        run: moved::run,
    },
    Check {
        name: "size",
        about: "a page downloads no more than the budget",
        needs: &[setup::BUILD, build::PAGE],
        run: |context| size::report(context).map(|()| Verdict::PASSED),
    },
    Check {
        name: "clippy",
        about: "the linter is silent, natively and for the page",
        needs: &[setup::BUILD, setup::LINTER, build::PAGE],
        run: clippy,
    },
    Check { name: "rust", about: "cargo test, the whole workspace", needs: &[setup::BUILD, build::PAGE, build::BINARY], run: rust },
    Check {
        name: "history",
        about: "a year of history is taken whole, and twice is once",
        needs: &[setup::BUILD, build::PAGE, build::BINARY],
        run: past::run,
    },
    Check {
        name: "page",
        about: "the scripts, in Node and in a real browser",
        needs: &[setup::BUILD, build::PAGE, build::BINARY, setup::BROWSER],
        run: page,
    },
    Check { name: "wasm-pack", about: "wasm-pack makes a package of the core", needs: &[setup::BUILD], run: wasm_pack },
];

/// Folders that hold tests for Node, each below the root.
const SCRIPT_TESTS: &[&str] = &["js", "tests/browser", "www"];

fn fmt(context: &Context) -> Result<Verdict, Error> {
    process::aloud(process::cargo(context).args(["fmt", "--all", "--check"])).map(|()| Verdict::PASSED)
}

fn clippy(context: &Context) -> Result<Verdict, Error> {
    for what in [&["--workspace", "--all-targets"][..], &["--package", "tillroll", "--lib", "--target", "wasm32-unknown-unknown"]] {
        process::aloud(process::cargo(context).arg("clippy").args(what).args(["--", "--deny", "warnings"]))?;
    }
    Ok(Verdict::PASSED)
}

fn rust(context: &Context) -> Result<Verdict, Error> {
    let mut cargo = process::cargo(context);
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    count(context, &mut cargo)
}

fn page(context: &Context) -> Result<Verdict, Error> {
    let all = SCRIPT_TESTS.iter().flat_map(|folder| files::below(&context.path(folder), &|_| true));
    let tests: Vec<_> = all.filter(|file| file.to_string_lossy().ends_with(".test.mjs")).collect();
    if tests.is_empty() {
        return Ok(Verdict::Skipped("there is no *.test.mjs yet".into()));
    }
    let mut node = process::node(context);
    node.args(["--test", "--test-reporter=spec"]).args(tests);
    count(context, &mut node)
}

fn count(context: &Context, command: &mut Command) -> Result<Verdict, Error> {
    command.env("TILLROLL_BIN", context.binary()).envs(context.test_environment.iter().copied());
    if let Some(chromium) = &context.chromium {
        command.env("CHROMIUM", chromium);
    }
    let mut tally = Tally::default();
    let status = process::watched(command, &mut |line| tally.read(line))?;
    Ok(tally.verdict(status.success()))
}

fn wasm_pack(context: &Context) -> Result<Verdict, Error> {
    for tool in ["wasm-pack", "wasm-bindgen"] {
        if process::on_path(&[tool]).is_none() {
            return Ok(Verdict::Skipped(format!("{tool} is not on the PATH (cargo install wasm-pack wasm-bindgen-cli)")));
        }
    }
    // wasm-pack downloads nothing in this mode; wasm-opt is that of the npm packages.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(context.path("node_modules/.bin")).chain(std::env::split_paths(&path));
    let mut command = Command::new("wasm-pack");
    command.current_dir(context.root()).env("PATH", std::env::join_paths(folders).unwrap_or(path.clone()));
    command.args(["build", "--mode", "no-install", "--target", "web", "--out-dir", "target/wasm-pack"]);
    process::aloud(&mut command).map(|()| Verdict::PASSED)
}
