//! Runs a test runner, and its failed tests once more.
//!
//! A test that fails beside many others and passes by itself is flaky. It does not fail the run, but the summary names it, since it is a fault
//! of the test or of the product.

use std::process::Command;

use anyhow::Result;

use super::result::{CheckResult, OutputParser};
use crate::context::Context;
use crate::process;

/// Runs `command(&[])`, which runs all tests. If some fail, runs `command(failed)`, which runs these alone.
pub(super) fn run(context: &Context, command: &dyn Fn(&[String]) -> Command) -> Result<CheckResult> {
    let (first, failed_tests) = count(context, &mut command(&[]))?;
    if failed_tests.is_empty() {
        return Ok(first);
    }
    println!("\nrunning the failed tests again, by themselves: {}", failed_tests.join(", "));
    let (second, _) = count(context, &mut command(&failed_tests))?;
    Ok(first.with_second_attempt(second))
}

/// Runs one command. Returns its result and what to run again.
fn count(context: &Context, command: &mut Command) -> Result<(CheckResult, Vec<String>)> {
    command.env("TILLROLL_BIN", context.collector_binary()).envs(context.test_env.iter().copied());
    if let Some(chromium) = &context.chromium {
        command.env("CHROMIUM", chromium);
    }
    let mut parser = OutputParser::default();
    let status = process::run_parsed(command, &mut |line| parser.add_line(line))?;
    let failed_tests = parser.failed_tests();
    Ok((parser.finish(status.success()), failed_tests))
}
