//! `cargo xtask cluster`: a group of collectors and the servers of its log on this machine, to try it or to test it with faults.
//!
//! Without faults it prints the state of all members until a signal arrives. With faults, a load of acknowledged events runs meanwhile, and
//! the end is a verdict: the exit code is 1 if anything is lost, stored twice or not equal.

mod chaos;
mod clickhouse;
mod faults;
mod members;
mod reader;
mod table;
mod verdict;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tillroll_cluster::{Network, within};

use crate::context::Context;
use crate::{build, clock, setup, step};
use chaos::{End, Plan};
use verdict::Verdict;

pub(crate) use clickhouse::ClickHouse;
pub(crate) use members::Members;

/// How often the table is printed: on a terminal it replaces the one before.
const REDRAW: Duration = Duration::from_secs(1);
const REPRINT: Duration = Duration::from_secs(30);

/// Options of `cargo xtask cluster`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Kill and restart members at random for this many seconds under load, then compare what the collectors have stored
    #[arg(long, value_name = "SECONDS", conflicts_with = "faults")]
    chaos: Option<u64>,
    /// As --chaos, with this many faults
    #[arg(long, value_name = "COUNT")]
    faults: Option<usize>,
    /// Make this many faults at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=4))]
    at_once: u64,
    /// Repeat the faults of an earlier run, which has printed this number
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

impl Options {
    fn plan(&self) -> Result<Option<Plan>> {
        let end = match (self.chaos, self.faults) {
            (Some(seconds), _) => End::After(Duration::from_secs(seconds)),
            (None, Some(faults)) => End::Faults(faults),
            (None, None) => return Ok(None),
        };
        let seed = self.seed.map_or_else(clock::random_seed, Ok)?;
        Ok(Some(Plan { end, seed, at_once: self.at_once as usize }))
    }
}

/// Starts the members, and runs until a signal arrives or the faults are over.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<ExitCode> {
    let plan = options.plan()?;
    let faults: &[step::Step] = if plan.is_some() { setup::LIBFAKETIME } else { &[] };
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR, setup::NATS, faults])?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let Some(plan) = plan else {
        let members = Members::start(context)?;
        println!("\nCtrl-C stops all members. Their files are in {}\n", members.folder.display());
        print_states(&members, &stop);
        members.stop();
        return Ok(ExitCode::SUCCESS);
    };
    let is_passed = run_faults(context, &plan, &stop)?.print();
    Ok(if is_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs faults with a number of their own, as a check does. Returns whether nothing was lost, stored twice or wrong.
pub(crate) fn check(context: &Context, faults: usize, seed: u64) -> Result<bool> {
    Ok(run_faults(context, &Plan { end: End::Faults(faults), seed, at_once: 1 }, &AtomicBool::new(false))?.print())
}

fn run_faults(context: &Context, plan: &Plan, stop: &AtomicBool) -> Result<Verdict> {
    let members = Members::start_in(context, Network::with_links())?;
    chaos::run(&members, plan, stop)
}

/// Prints the states of the members again and again.
fn print_states(members: &Members, stop: &AtomicBool) {
    let is_terminal = std::io::stdout().is_terminal();
    let interval = if is_terminal { REDRAW } else { REPRINT };
    let mut lines = 0;
    while !stop.load(Relaxed) {
        let text = table::states(members);
        if is_terminal && lines > 0 {
            // Moves the cursor up, and clears what is below it.
            print!("\x1b[{lines}A\x1b[J");
        }
        print!("{text}");
        let _ = std::io::stdout().flush();
        lines = text.lines().count();
        within(interval, || stop.load(Relaxed));
    }
}
