//! `cargo xtask bench`: the benchmarks. They print ratios, since a figure without its machine says nothing.

use crate::context::Context;
use crate::error::Error;
use crate::process;

const EXAMPLE: &str = "collector/examples/bench.rs";

/// Runs them, where there are any.
pub(crate) fn run(context: &Context) -> Result<(), Error> {
    if !context.path(EXAMPLE).is_file() && !context.path("collector/examples/bench").is_dir() {
        println!("there is no benchmark yet: {EXAMPLE} would be one");
        return Ok(());
    }
    let mut cargo = process::cargo(context);
    cargo.args(["run", "--release", "--package", "tillroll-collector", "--example", "bench"]);
    process::aloud(&mut cargo)
}
