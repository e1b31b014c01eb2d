//! `cargo xtask bench`: the benchmarks. They print ratios, since a figure without its machine says nothing.

use crate::context::Context;
use crate::error::Error;
use crate::process;

const EXAMPLE: &str = "collector/examples/bench.rs";

/// Which benchmark to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Store ten million events and print what memory that takes, instead of comparing rates
    #[arg(long)]
    soak: bool,
}

/// Runs them, where there are any.
pub(crate) fn run(context: &Context, options: &Options) -> Result<(), Error> {
    if !context.path(EXAMPLE).is_file() && !context.path("collector/examples/bench").is_dir() {
        println!("there is no benchmark yet: {EXAMPLE} would be one");
        return Ok(());
    }
    let mut cargo = process::cargo(context);
    cargo.args(["run", "--release", "--package", "tillroll-collector", "--example", "bench"]);
    if options.soak {
        cargo.args(["--", "soak"]);
    }
    process::aloud(&mut cargo)
}
