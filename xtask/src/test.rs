//! `cargo xtask test`: every check of the project, one after the other.
//!
//! A check that fails does not stop the others. The summary counts single tests where a check has them, and its last line,
//! `N passed, N failed`, is for scripts.

mod checks;
mod count;
mod moved;
mod past;

use std::process::ExitCode;

use checks::{CHECKS, Check, Verdict};

use crate::clock::Stopwatch;
use crate::context::Context;
use crate::error::Error;
use crate::setup;
use crate::step::Done;

/// Which checks to run, and how far they go.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only this check (may be given more than once)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Print the names of the checks and stop
    #[arg(long)]
    list: bool,
    /// Run the long form of the tests that have one (they see TILLROLL_LONG=1)
    #[arg(long)]
    long: bool,
    /// Insist on all browser engines instead of those installed (tests see TILLROLL_ALL_ENGINES=1)
    #[arg(long)]
    all_engines: bool,
}

/// How one check went.
struct Outcome {
    name: &'static str,
    verdict: Verdict,
    seconds: f64,
}

/// Runs the chosen checks; the exit code is 1 if anything failed.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<ExitCode, Error> {
    if options.list {
        CHECKS.iter().for_each(|check| println!("{:<10} {}", check.name, check.about));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = options.only.iter().find(|name| !CHECKS.iter().any(|check| check.name == **name)) {
        return Err(Error::NoCheck(name.clone()));
    }
    context.test_environment = environment(options);
    let mut done = Done::default();
    let chosen = CHECKS.iter().filter(|check| options.only.is_empty() || options.only.iter().any(|name| name == check.name));
    let outcomes: Vec<_> = chosen.map(|check| judge(context, check, &mut done)).collect();
    Ok(summary(&outcomes))
}

fn environment(options: &Options) -> Vec<(&'static str, &'static str)> {
    let flags = [("TILLROLL_LONG", options.long), (setup::ALL_ENGINES, options.all_engines)];
    flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, "1")).collect()
}

fn judge(context: &mut Context, check: &Check, done: &mut Done) -> Outcome {
    println!("\n== {}: {}", check.name, check.about);
    let watch = Stopwatch::start();
    let verdict = done.bring_up(context, check.needs).and_then(|()| (check.run)(context));
    let verdict = verdict.unwrap_or_else(|error| {
        println!("error[{}]: {error}", error.code());
        Verdict::FAILED
    });
    Outcome { name: check.name, verdict, seconds: watch.seconds() }
}

fn summary(outcomes: &[Outcome]) -> ExitCode {
    println!("\n{:<10} {:<8} {:>7} {:>7} {:>8}", "check", "result", "passed", "failed", "seconds");
    let (mut all_passed, mut all_failed) = (0, 0);
    for Outcome { name, verdict, seconds } in outcomes {
        match verdict {
            Verdict::Skipped(reason) => println!("{name:<10} skipped: {reason}"),
            Verdict::Ran { passed, failed, .. } => {
                let result = if *failed == 0 { "passed" } else { "FAILED" };
                println!("{name:<10} {result:<8} {passed:>7} {failed:>7} {seconds:>8.1}");
                all_passed += passed;
                all_failed += failed;
            }
        }
    }
    for Outcome { name, verdict, .. } in outcomes {
        if let Verdict::Ran { told, .. } = verdict {
            told.iter().for_each(|line| println!("{name}: {line}"));
        }
    }
    println!("\n{all_passed} passed, {all_failed} failed");
    if all_failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
