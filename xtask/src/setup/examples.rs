//! Installs what the examples need, as a reader of the examples does.

use anyhow::Result;

use crate::context::Context;
use crate::process;
use crate::step::Step;

/// The packages of the examples, with the npm package of this build.
pub(crate) const EXAMPLES: &[Step] = &[Step { name: "packages of the examples", has_output: false, run: install }];

fn install(context: &mut Context) -> Result<String> {
    process::run_captured(process::node(context).arg("examples/runner/install.mjs")).map(|note| note.trim().into())
}
