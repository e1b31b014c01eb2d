//! `cargo xtask fuzz`: fuzzes every parser of untrusted input.
//!
//! The targets are tests of the collector on stable Rust. `cargo test` runs them briefly, this task runs them for longer. A failure prints
//! the smallest failing input and the seed that reproduces it.

use anyhow::Result;

use crate::context::Context;
use crate::{process, setup, step};

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only targets whose name contains this text
    target: Option<String>,
    /// How long to run each target; the number of parallel targets is the number of cores
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    seconds: u64,
    /// Reproduce an earlier run with its seed
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Runs the targets.
pub(crate) fn run(context: &mut Context, options: &Options) -> Result<()> {
    step::run(context, &[setup::BUILD])?;
    let mut command = process::cargo(context);
    command.args(["test", "--package", "tillroll-collector", "--test", "fuzz", "--"]).args(&options.target).arg("--nocapture");
    command.env("TILLROLL_FUZZ_SECONDS", options.seconds.to_string());
    command.envs(options.seed.map(|seed| ("TILLROLL_FUZZ_SEED", seed.to_string())));
    process::run_visible(&mut command)
}
