//! `cargo xtask bench`: runs the benchmarks of the collector. They print ratios, which compare between machines; absolute numbers do not.

use anyhow::Result;

use crate::context::Context;
use crate::process;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Store ten million events and print the memory use, instead of comparing rates
    #[arg(long)]
    soak: bool,
}

/// Runs the benchmarks.
pub(crate) fn run(context: &Context, options: &Options) -> Result<()> {
    let mut cargo = process::cargo(context);
    cargo.args(["run", "--release", "--package", "tillroll-collector", "--example", "bench"]);
    if options.soak {
        cargo.args(["--", "soak"]);
    }
    process::run_visible(&mut cargo)
}
