//! Steps, and the progress that a person watches: `[3/9] core to wasm … 12.4 s`.
//!
//! A chore is data: a list of steps that is known before the first one runs, so the numbers are true.

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
    let total: usize = parts.iter().map(|part| part.len()).sum();
    for (index, step) in parts.iter().copied().flatten().enumerate() {
        let label = format!("[{}/{total}] {}", index + 1, step.name);
        print!("{label} … {}", if step.aloud { "\n" } else { "" });
        let _ = std::io::stdout().flush();
        let watch = Stopwatch::start();
        let outcome = (step.work)(context);
        let shown = if step.aloud {
            format!("{label} … ")
        } else {
            String::new()
        };
        match &outcome {
            Ok(note) if note.is_empty() => println!("{shown}{:.1} s", watch.seconds()),
            Ok(note) => println!("{shown}{:.1} s, {note}", watch.seconds()),
            Err(_) => println!("{shown}failed after {:.1} s", watch.seconds()),
        }
        outcome?;
    }
    Ok(())
}
