//! Rules on the length, the header and the name of a file. Clippy limits the length of functions.

use super::source::{Finding, Source};

const MAX_LINES: usize = 400;
const MAX_MEDIAN_LINES: usize = 150;
/// Names that describe no content, for files and folders.
const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];
/// Names that are too vague for a file.
const BANNED_FILE_NAMES: &[&str] = &["words", "line", "read", "what", "one"];

/// A source file has at most 400 lines.
pub(super) fn length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    if !source.has_extension(&["rs", "js", "mjs", "ts", "css"]) || lines <= MAX_LINES {
        return Vec::new();
    }
    vec![source.finding(MAX_LINES + 1, format!("{lines} lines, the limit is {MAX_LINES}; split the file by topic"))]
}

/// The median source file has at most 150 lines.
pub(super) fn median_length(sources: &[Source]) -> Vec<Finding> {
    let code = sources.iter().filter(|source| source.has_extension(&["rs", "js", "mjs", "ts"]));
    let mut by_length: Vec<_> = code.map(|source| (source.text.lines().count(), source)).collect();
    by_length.sort_by_key(|(lines, _)| *lines);
    let Some((median, source)) = by_length.get(by_length.len() / 2) else { return Vec::new() };
    if *median <= MAX_MEDIAN_LINES {
        return Vec::new();
    }
    vec![source.finding(1, format!("the median source file has {median} lines, the limit is {MAX_MEDIAN_LINES}; split the longest files"))]
}

/// A source file starts with a comment that describes it.
pub(super) fn header(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
    let has_header = match source.path.rsplit_once('.') {
        Some((_, "rs")) => source.text.starts_with("//!"),
        Some((_, "js" | "mjs" | "ts")) => first.starts_with("//") || first.starts_with("/*"),
        _ => true,
    };
    let message = "start the file with a comment (`//!` in Rust): what the file is, its main idea, its invariant";
    if has_header { Vec::new() } else { vec![source.finding(1, message)] }
}

/// The name of a file or folder describes its content.
pub(super) fn name(source: &Source) -> Vec<Finding> {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_owned();
    let (folders, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let mut banned: Vec<_> = folders.split('/').chain([file]).filter(|part| BANNED_NAMES.contains(&&*stem(part))).collect();
    banned.extend(Some(file).filter(|file| BANNED_FILE_NAMES.contains(&&*stem(file))));
    banned.iter().map(|part| source.finding(1, format!("the name `{part}` does not describe the content; rename it"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{NO_LINES, lines};
    use super::{Source, header, length, median_length, name};

    #[test]
    fn long_files_are_found() {
        assert_eq!(lines(length, "a.rs", &"\n".repeat(400)), NO_LINES);
        assert_eq!(lines(length, "a.js", &"\n".repeat(401)), [401]);
        assert_eq!(lines(length, "a.md", &"\n".repeat(4000)), NO_LINES);
    }

    #[test]
    fn median_above_the_limit_is_found() {
        let sources = |lengths: &[usize]| lengths.iter().map(|lines| Source::new("a.js".into(), "\n".repeat(*lines))).collect::<Vec<_>>();
        assert!(median_length(&sources(&[10, 150, 400])).is_empty());
        assert_eq!(median_length(&sources(&[10, 151, 400])).len(), 1);
    }

    #[test]
    fn missing_header_is_found() {
        assert_eq!(lines(header, "a.rs", "//! a"), NO_LINES);
        assert_eq!(lines(header, "a.rs", "// a"), [1]);
        assert_eq!(lines(header, "a.mjs", "#!/usr/bin/env node\n// a"), NO_LINES);
        assert_eq!(lines(header, "a.js", "let a;"), [1]);
    }

    #[test]
    fn banned_names_are_found() {
        assert_eq!(lines(name, "src/utils.rs", ""), [1]);
        assert_eq!(lines(name, "www/live/words.js", ""), [1]);
        assert_eq!(lines(name, "tests/common/mod.rs", ""), [1]);
        assert_eq!(lines(name, "src/commons.rs", ""), NO_LINES);
        assert_eq!(lines(name, "src/read/pool.rs", ""), NO_LINES);
    }
}
