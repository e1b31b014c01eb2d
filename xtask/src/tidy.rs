//! `cargo xtask tidy`: the house rules that a machine can check.
//!
//! A rule is a function from one file to findings, and knows itself which files it is about. A finding says where, what, and what to do.

mod boundaries;
mod leftovers;
mod links;
mod shape;
mod source;

use source::Source;

use crate::context::Context;
use crate::error::Error;
use crate::files;

/// A broken rule at a place.
#[derive(Debug, PartialEq)]
struct Finding {
    /// Counted from one.
    line: usize,
    /// What is wrong and what to do.
    words: String,
}

impl Finding {
    fn new(line: usize, words: impl Into<String>) -> Self {
        Self { line, words: words.into() }
    }
}

const RULES: &[fn(&Source) -> Vec<Finding>] = &[
    shape::file_length,
    shape::function_length,
    shape::opening,
    shape::name,
    boundaries::web_crates,
    boundaries::browser_module,
    boundaries::panics,
    boundaries::vendors,
    boundaries::dependencies,
    links::links,
    leftovers::notes,
    leftovers::left_out_tests,
    leftovers::sleeps,
    leftovers::machine_paths,
    leftovers::registry_hosts,
];

/// Folders that hold what was made, not written.
const MADE: &[&str] = &["target", "node_modules", "dist", "pkg", "screenshots", "tillroll-data"];
/// The hidden folders that are ours.
const HIDDEN: &[&str] = &[".cargo", ".ci", ".github"];

/// Checks every text file and prints what it finds.
pub(crate) fn run(context: &Context) -> Result<(), Error> {
    let enter = |name: &str| !MADE.contains(&name) && (!name.starts_with('.') || HIDDEN.contains(&name));
    let (mut read, mut broken) = (0, 0);
    for file in files::below(context.root(), &enter) {
        let path = file.strip_prefix(context.root()).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        let source = Source::new(path, text);
        read += 1;
        for Finding { line, words } in RULES.iter().flat_map(|rule| rule(&source)) {
            println!("{}:{line}: {words}", source.path);
            broken += 1;
        }
    }
    if broken > 0 {
        return Err(Error::Untidy(broken));
    }
    println!("tidy: {read} files keep {} rules", RULES.len());
    Ok(())
}

#[cfg(test)]
const NONE: [usize; 0] = [];

/// The lines on which a rule finds something in a file of that name; for tests of rules.
#[cfg(test)]
fn lines(rule: fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
    rule(&Source::new(path.into(), text.into())).into_iter().map(|finding| finding.line).collect()
}
