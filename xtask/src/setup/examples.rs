//! Installs what the examples need, as a reader of the examples does.

use anyhow::Result;

use super::debian;
use crate::context::Context;
use crate::process;
use crate::step::Step;

/// The programs that the recipes are for, and the packages of the examples, with the npm package of this build.
pub(crate) const EXAMPLES: &[Step] = &[
    Step { name: "programs of the recipes", has_output: false, run: |context| debian::complete(context, &RECIPES) },
    Step { name: "packages of the examples", has_output: false, run: install },
];

const RECIPES: [debian::Program; 3] = [(&["php"], "php-cli"), (&["nginx"], "nginx-light"), (&["caddy"], "caddy")];

fn install(context: &mut Context) -> Result<String> {
    process::run_captured(process::node(context).arg("examples/runner/install.mjs")).map(|note| note.trim().into())
}
