//! Steps, and the progress that a person watches: `[3/9] core to wasm … 12.4 s`.
//!
//! A chore is data: a list of steps that is known before the first one runs, so the numbers are true.

use std::collections::BTreeMap;
use std::io::Write;

use crate::clock::Stopwatch;
use crate::context::Context;
use crate::error::Error;

/// One step of a chore. What it returns is printed behind its time and may be empty.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Whether the programs it runs write to the screen themselves.
    pub(crate) aloud: bool,
    pub(crate) work: fn(&mut Context) -> Result<String, Error>,
}

/// Runs the parts of a chore in order and stops at the first step that fails.
pub(crate) fn run(context: &mut Context, parts: &[&[Step]]) -> Result<(), Error> {
    Done::default().bring_up(context, parts)
}

/// The steps that this run has behind it, and how they ended.
#[derive(Default)]
pub(crate) struct Done(BTreeMap<&'static str, bool>);

impl Done {
    /// Runs those steps that have not run yet. One that failed before fails again, without being run.
    pub(crate) fn bring_up(&mut self, context: &mut Context, parts: &[&[Step]]) -> Result<(), Error> {
        let all = || parts.iter().copied().flatten();
        if let Some(step) = all().find(|step| self.0.get(step.name) == Some(&false)) {
            return Err(Error::Before(step.name));
        }
        let open: Vec<&Step> = all().filter(|step| !self.0.contains_key(step.name)).collect();
        for (index, step) in open.iter().enumerate() {
            let outcome = step.run(context, &format!("[{}/{}]", index + 1, open.len()));
            self.0.insert(step.name, outcome.is_ok());
            outcome?;
        }
        Ok(())
    }
}

impl Step {
    fn run(&self, context: &mut Context, number: &str) -> Result<(), Error> {
        let label = format!("{number} {} …", self.name);
        print!("{label} {}", if self.aloud { "\n" } else { "" });
        let _ = std::io::stdout().flush();
        let watch = Stopwatch::start();
        let outcome = (self.work)(context);
        let label = if self.aloud { format!("{label} ") } else { String::new() };
        match &outcome {
            Ok(note) if note.is_empty() => println!("{label}{:.1} s", watch.seconds()),
            Ok(note) => println!("{label}{:.1} s, {note}", watch.seconds()),
            Err(_) => println!("{label}failed after {:.1} s", watch.seconds()),
        }
        outcome.map(drop)
    }
}
