//! `cargo xtask fuzz`: every parser of outside bytes, for as long as wanted.
//!
//! The targets are tests of the collector, which run for a moment there and for longer here, on stable Rust. A failure prints the smallest
//! input that shows it and the seed that leads there again.

use crate::context::Context;
use crate::error::Error;
use crate::{process, setup, step};

/// What to run, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only targets with this in their name
    target: Option<String>,
    /// Run each target for so long; as many run side by side as there are cores
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    seconds: u64,
    /// Begin where an earlier run began
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Runs the targets.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<(), Error> {
    step::run(context, &[setup::BUILD])?;
    let mut command = process::cargo(context);
    command.args(["test", "--package", "tillroll-collector", "--test", "fuzz", "--"]).args(&options.target).arg("--nocapture");
    command.env("TILLROLL_FUZZ_SECONDS", options.seconds.to_string());
    command.envs(options.seed.map(|seed| ("TILLROLL_FUZZ_SEED", seed.to_string())));
    process::aloud(&mut command)
}
