//! `cargo xtask test`: runs every check of the project in sequence.
//!
//! A failed check does not stop the others. Failed tests run once more by themselves; one that passes then is flaky. The summary counts single tests where a check has them. Its last line, `N passed, N failed`, is
//! for scripts.

mod checks;
mod clickhouse;
mod group_pages;
mod history_import;
mod lint;
mod packages;
mod relocation;
mod result;
mod runner;

use std::process::ExitCode;

use anyhow::{Result, bail};
use checks::{CHECKS, Check};
use result::CheckResult;

use crate::clock::Stopwatch;
use crate::context::Context;
use crate::setup;
use crate::step::CompletedSteps;

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only this check (can be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Print the names of the checks and exit
    #[arg(long)]
    list: bool,
    /// Run the long form of the tests that have one (sets TILLROLL_LONG=1)
    #[arg(long)]
    long: bool,
    /// Test in all browser engines and with all programs that the recipes are for; fail if one is missing (sets TILLROLL_ALL_ENGINES=1)
    #[arg(long)]
    all_engines: bool,
}

/// A completed check.
struct Completed {
    name: &'static str,
    result: CheckResult,
    seconds: f64,
}

/// Runs the selected checks; the exit code is 1 if a test failed.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<ExitCode> {
    if options.list {
        CHECKS.iter().for_each(|check| println!("{:<10} {}", check.name, check.about));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = options.only.iter().find(|name| !CHECKS.iter().any(|check| check.name == **name)) {
        bail!("there is no check `{name}`; `cargo xtask test --list` prints all names");
    }
    context.test_env = test_env(options);
    let mut steps = CompletedSteps::default();
    let selected = CHECKS.iter().filter(|check| options.only.is_empty() || options.only.iter().any(|name| name == check.name));
    let completed: Vec<_> = selected.map(|check| run_check(context, check, &mut steps)).collect();
    Ok(print_summary(&completed))
}

fn test_env(options: &Options) -> Vec<(&'static str, &'static str)> {
    let flags = [("TILLROLL_LONG", options.long), (setup::ALL_ENGINES, options.all_engines)];
    flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (name, "1")).collect()
}

fn run_check(context: &mut Context, check: &Check, steps: &mut CompletedSteps) -> Completed {
    println!("\n== {}: {}", check.name, check.about);
    let stopwatch = Stopwatch::start();
    let result = steps.run_missing(context, check.needs).and_then(|()| (check.run)(context));
    let result = result.unwrap_or_else(|error| {
        println!("error: {error:#}");
        CheckResult::FAILED
    });
    Completed { name: check.name, result, seconds: stopwatch.seconds() }
}

fn print_summary(completed: &[Completed]) -> ExitCode {
    println!("\n{:<10} {:<8} {:>7} {:>7} {:>8}", "check", "result", "passed", "failed", "seconds");
    let (mut total_passed, mut total_failed) = (0, 0);
    for Completed { name, result, seconds } in completed {
        match result {
            CheckResult::Skipped(reason) => println!("{name:<10} skipped: {reason}"),
            CheckResult::Ran { passed, failed, failure_output } => {
                let label = match failed {
                    0 if failure_output.is_empty() => "passed",
                    0 => "flaky",
                    _ => "FAILED",
                };
                println!("{name:<10} {label:<8} {passed:>7} {failed:>7} {seconds:>8.1}");
                total_passed += passed;
                total_failed += failed;
            }
        }
    }
    for Completed { name, result, .. } in completed {
        if let CheckResult::Ran { failure_output, .. } = result {
            failure_output.iter().for_each(|line| println!("{name}: {line}"));
        }
    }
    println!("\n{total_passed} passed, {total_failed} failed");
    if total_failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
