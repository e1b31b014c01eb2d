//! `cargo xtask tidy`: the rules of this code base that rustfmt, clippy, ESLint and cargo-deny cannot check.
//!
//! A file rule is a function from one [`Source`] to findings; a project rule gets all sources. Each rule decides itself which files it
//! applies to. A finding has a place, a description and the fix.

mod banned_words;
mod boundaries;
mod file_shape;
mod import_cycles;
mod leftovers;
mod links;
mod module_graph;
mod rust_paths;
mod source;

use anyhow::{Result, bail};
use source::{Finding, Source};

use crate::context::Context;
use crate::files;

pub(crate) use links::{PUBLIC, text_lines};

type FileRule = fn(&Source) -> Vec<Finding>;
type ProjectRule = fn(&[Source]) -> Vec<Finding>;

const FILE_RULES: &[(&str, FileRule)] = &[
    ("length", file_shape::length),
    ("header", file_shape::header),
    ("name", file_shape::name),
    ("web crates", boundaries::web_crates),
    ("vendors", boundaries::vendors),
    ("links", links::check),
    ("paths", links::paths),
    ("notes", leftovers::notes),
    ("sleeps", leftovers::sleeps_in_tests),
    ("machine paths", leftovers::machine_paths),
    ("registry addresses", leftovers::registry_addresses),
    ("words", banned_words::check),
];

const PROJECT_RULES: &[(&str, ProjectRule)] = &[("median length", file_shape::median_length), ("cycles", import_cycles::check)];

/// Folders with generated or downloaded files.
const GENERATED_FOLDERS: &[&str] = &["target", "node_modules", "dist", "pkg", "screenshots", "tillroll-data"];
/// Hidden folders that are checked; all others are skipped.
const HIDDEN_FOLDERS: &[&str] = &[".cargo", ".ci", ".github"];

/// Checks every text file and prints the findings.
pub(crate) fn run(context: &Context) -> Result<()> {
    let enter = |name: &str| !GENERATED_FOLDERS.contains(&name) && (!name.starts_with('.') || HIDDEN_FOLDERS.contains(&name));
    let sources: Vec<_> = files::list(context.root(), &enter)
        .iter()
        .filter_map(|file| {
            let path = file.strip_prefix(context.root()).unwrap_or(file).to_string_lossy().replace('\\', "/");
            Some(Source::new(path, std::fs::read_to_string(file).ok()?))
        })
        .collect();
    let in_files = FILE_RULES.iter().flat_map(|(_, rule)| sources.iter().flat_map(rule));
    let in_project = PROJECT_RULES.iter().flat_map(|(_, rule)| rule(&sources));
    let findings: Vec<Finding> = in_files.chain(in_project).collect();
    findings.iter().for_each(|finding| println!("{finding}"));
    if !findings.is_empty() {
        bail!("tidy: {} findings, see above", findings.len());
    }
    println!("tidy: {} files follow {} rules", sources.len(), FILE_RULES.len() + PROJECT_RULES.len());
    Ok(())
}

#[cfg(test)]
const NO_LINES: [usize; 0] = [];

/// The lines on which a file rule finds something, for tests of rules.
#[cfg(test)]
fn lines(rule: fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
    rule(&Source::new(path.into(), text.into())).into_iter().map(|finding| finding.line).collect()
}
