//! One text file as the rules see it, and a finding in it.

use std::fmt;

use super::rust_paths::{PathUse, path_uses};

/// A text file.
pub(super) struct Source {
    /// Relative to the workspace root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// Every path that Rust code names; empty for other languages.
    pub(super) path_uses: Vec<PathUse>,
}

impl Source {
    pub(super) fn new(path: String, text: String) -> Self {
        let path_uses = if path.ends_with(".rs") { path_uses(&text) } else { Vec::new() };
        Self { path, text, path_uses }
    }

    /// Whether the file has one of these extensions.
    pub(super) fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }

    /// Whether the path starts with one of these prefixes.
    pub(super) fn is_below(&self, prefixes: &[&str]) -> bool {
        prefixes.iter().any(|prefix| self.path.starts_with(prefix))
    }

    /// Whether the whole file is a test.
    pub(super) fn is_test(&self) -> bool {
        let path = &self.path;
        path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains(".test.")
    }

    /// The lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// A finding in this file.
    pub(super) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, message: message.into() }
    }
}

/// A violation of a rule.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) path: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// What is wrong and how to fix it.
    pub(super) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}
