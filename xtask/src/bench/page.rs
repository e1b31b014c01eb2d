//! `cargo xtask bench page`: builds everything, then measures pages in Chromium with `tests/bench/page.mjs`.

use anyhow::Result;

use crate::context::Context;
use crate::{build, process, setup, step};

/// Options of `cargo xtask bench page`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// How many visits of each page are measured
    #[arg(long, default_value_t = 7)]
    rounds: u32,
}

/// Builds what the pages load, and measures them.
pub(super) fn run(context: &mut Context, options: &Options) -> Result<()> {
    step::run(context, &[setup::BUILD, build::PAGE, build::COLLECTOR, setup::BROWSERS])?;
    let mut node = process::node(context);
    node.arg(context.path("tests/bench/page.mjs")).arg(options.rounds.to_string()).env("TILLROLL_BIN", context.collector_binary());
    if let Some(chromium) = &context.chromium {
        node.env("CHROMIUM", chromium);
    }
    process::run_visible(&mut node)
}
