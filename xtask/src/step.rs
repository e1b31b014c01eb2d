//! Steps and their progress lines: `[3/9] core to wasm … 12.4 s`.
//!
//! A task is data: the list of steps is complete before the first one runs, so the counter is exact.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Result, bail};

use crate::clock::Stopwatch;
use crate::context::Context;

/// One step of a task. Its result is a note for the progress line and may be empty.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Whether its programs write to the terminal.
    pub(crate) has_output: bool,
    pub(crate) run: fn(&mut Context) -> Result<String>,
}

/// Runs groups of steps in order; stops at the first failure.
pub(crate) fn run(context: &mut Context, groups: &[&[Step]]) -> Result<()> {
    CompletedSteps::default().run_missing(context, groups)
}

/// The steps that this run has completed, and whether each succeeded.
#[derive(Default)]
pub(crate) struct CompletedSteps(BTreeMap<&'static str, bool>);

impl CompletedSteps {
    /// Runs the steps that have not run yet. A step that failed earlier fails again without a second run.
    pub(crate) fn run_missing(&mut self, context: &mut Context, groups: &[&[Step]]) -> Result<()> {
        let all = || groups.iter().copied().flatten();
        if let Some(step) = all().find(|step| self.0.get(step.name) == Some(&false)) {
            bail!("not run, because the step `{}` failed above", step.name);
        }
        let missing: Vec<&Step> = all().filter(|step| !self.0.contains_key(step.name)).collect();
        for (index, step) in missing.iter().enumerate() {
            let result = step.run(context, &format!("[{}/{}]", index + 1, missing.len()));
            self.0.insert(step.name, result.is_ok());
            result?;
        }
        Ok(())
    }
}

impl Step {
    fn run(&self, context: &mut Context, counter: &str) -> Result<()> {
        let label = format!("{counter} {} …", self.name);
        print!("{label} {}", if self.has_output { "\n" } else { "" });
        let _ = std::io::stdout().flush();
        let stopwatch = Stopwatch::start();
        let result = (self.run)(context);
        let label = if self.has_output { format!("{label} ") } else { String::new() };
        match &result {
            Ok(note) if note.is_empty() => println!("{label}{:.1} s", stopwatch.seconds()),
            Ok(note) => println!("{label}{:.1} s, {note}", stopwatch.seconds()),
            Err(_) => println!("{label}failed after {:.1} s", stopwatch.seconds()),
        }
        result.map(drop)
    }
}
