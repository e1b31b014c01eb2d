//! Rules on the shape of a file: how long, how it opens, what it is called.

use super::Finding;
use super::source::{Source, block_end, line_at, words};

const FILE_LIMIT: usize = 400;
const FUNCTION_LIMIT: usize = 60;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

/// A file of code has at most 400 lines.
pub(super) fn file_length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    if !source.is(&["rs", "js", "mjs", "ts", "css"]) || lines <= FILE_LIMIT {
        return Vec::new();
    }
    let words = format!("{lines} lines; split it by what it does, {FILE_LIMIT} is the limit");
    vec![Finding::new(FILE_LIMIT + 1, words)]
}

/// A Rust function has at most 60 lines.
pub(super) fn function_length(source: &Source) -> Vec<Finding> {
    if !source.is(&["rs"]) {
        return Vec::new();
    }
    let code = &source.code;
    let length = |at: usize| {
        let name = code[at + 2..].strip_prefix(' ')?.split(|end: char| !end.is_alphanumeric() && end != '_').next()?;
        let (first, last) = (line_at(code, at), line_at(code, block_end(code, at)?));
        Some((name.to_owned(), first, last - first + 1))
    };
    let functions = words(code, "fn").filter_map(length);
    let long = functions.filter(|(name, _, lines)| !name.is_empty() && *lines > FUNCTION_LIMIT);
    long.map(|(name, first, lines)| {
        Finding::new(first, format!("`{name}` has {lines} lines; take a part out under a name, {FUNCTION_LIMIT} is the limit"))
    })
    .collect()
}

/// A file opens by saying what it is.
pub(super) fn opening(source: &Source) -> Vec<Finding> {
    let mut lines = source.text.lines();
    let first = lines.find(|line| !line.starts_with("#!")).unwrap_or_default();
    if source.is(&["rs"]) && !source.text.starts_with("//!") {
        return vec![Finding::new(1, "open the file with `//!`: what it is, the one idea, the invariant")];
    }
    if source.is(&["js", "mjs", "ts"]) && !first.starts_with("//") && !first.starts_with("/*") {
        return vec![Finding::new(1, "open the file with a comment: what it is, the one idea, the invariant")];
    }
    Vec::new()
}

/// A file or folder is named after what it holds.
pub(super) fn name(source: &Source) -> Vec<Finding> {
    let empty = |part: &&str| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default());
    let parts = source.path.split('/').filter(empty);
    parts.map(|part| Finding::new(1, format!("`{part}` says nothing; name it after what it holds"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{NONE, lines};
    use super::{file_length, function_length, name, opening};

    #[test]
    fn length_is_limited() {
        assert_eq!(lines(file_length, "a.rs", &"\n".repeat(400)), NONE);
        assert_eq!(lines(file_length, "a.js", &"\n".repeat(401)), [401]);
        assert_eq!(lines(file_length, "a.md", &"\n".repeat(4000)), NONE);
        let function = |lines: usize| format!("//! a\n\nconst F: fn() = b;\nfn b() {{{}}}\n", "\n".repeat(lines - 1));
        assert_eq!(lines(function_length, "a.rs", &function(60)), NONE);
        assert_eq!(lines(function_length, "a.rs", &function(61)), [4]);
    }

    #[test]
    fn a_file_says_what_it_is() {
        assert_eq!(lines(opening, "a.rs", "//! a"), NONE);
        assert_eq!(lines(opening, "a.rs", "// a"), [1]);
        assert_eq!(lines(opening, "a.mjs", "#!/usr/bin/env node\n// a"), NONE);
        assert_eq!(lines(opening, "a.js", "let a;"), [1]);
    }

    #[test]
    fn an_empty_name_is_refused_anywhere_in_the_path() {
        assert_eq!(lines(name, "src/utils.rs", ""), [1]);
        assert_eq!(lines(name, "tests/common/mod.rs", ""), [1]);
        assert_eq!(lines(name, "src/commons.rs", ""), NONE);
    }
}
