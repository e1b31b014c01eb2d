//! The rules on references: a link of a document leads to a file and a heading that exist, and a path in its text exists.
//!
//! Only references within the repository are checked, including links by its public address. External addresses are not requested.

use std::path::{Path, PathBuf};

use super::source::{Finding, Source};

/// The public address of a file on the main branch; documents outside the repository, such as the npm package's, use it.
pub(crate) const PUBLIC: &str = "https://github.com/tillroll/tillroll/blob/main/";

/// The folders of sources and documents.
const FOLDERS: &[&str] = &["js/", "src/", "protocol/", "collector/", "xtask/", "tests/", "www/", "docs/", "examples/"];

/// Every relative link of a Markdown file leads to an existing file, and its anchor to a heading of that file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    if !source.has_extension(&["md"]) {
        return Vec::new();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let targets = text_lines(&source.text).flat_map(|(line, text)| targets(text).map(move |target| (line, target)));
    let broken = targets.filter(|(_, target)| !is_reachable(&root, folder, &source.text, target));
    broken
        .map(|(line, target)| {
            source.finding(line, format!("the target of the link `{target}` does not exist; correct the path or the anchor"))
        })
        .collect()
}

/// Every path in inline code that begins with a source folder exists; `a/{b,c}.rs` stands for `a/b.rs` and `a/c.rs`.
pub(super) fn paths(source: &Source) -> Vec<Finding> {
    if !source.has_extension(&["md"]) {
        return Vec::new();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let spans = text_lines(&source.text).flat_map(|(line, text)| text.split('`').skip(1).step_by(2).map(move |span| (line, span)));
    let paths = spans.filter(|(_, span)| is_path(span)).flat_map(|(line, span)| expand(span).into_iter().map(move |path| (line, path)));
    let missing = paths.filter(|(_, path)| !root.join(path).exists());
    missing.map(|(line, path)| source.finding(line, format!("the path `{path}` does not exist; correct it"))).collect()
}

/// Returns whether inline code is a path from the root of the repository.
fn is_path(span: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "/._-{},".contains(letter);
    FOLDERS.iter().any(|folder| span.starts_with(folder)) && span.chars().all(is_allowed)
}

/// Returns the paths that a path with one group of alternatives stands for.
fn expand(span: &str) -> Vec<String> {
    match span.split_once('{').and_then(|(start, rest)| Some((start, rest.split_once('}')?))) {
        Some((start, (names, end))) => names.split(',').map(|name| format!("{start}{name}{end}")).collect(),
        None => vec![span.into()],
    }
}

/// Returns whether `target`, a link of the document `text` in `folder`, is external or leads to an existing file and heading.
fn is_reachable(root: &Path, folder: &str, text: &str, target: &str) -> bool {
    let (base, target) = match target.strip_prefix(PUBLIC) {
        Some(path) => (root.to_path_buf(), path),
        None if target.contains("://") || target.starts_with("mailto:") => return true,
        None => (root.join(folder), target),
    };
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let file: PathBuf = base.join(path);
    let Some(anchor) = anchor else { return file.exists() };
    let has_heading = |text: &str| anchors(text).any(|heading| heading == anchor);
    if path.is_empty() { has_heading(text) } else { std::fs::read_to_string(file).is_ok_and(|text| has_heading(&text)) }
}

/// Returns the lines outside code blocks, numbered from one.
pub(crate) fn text_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        (!in_code && !is_fence).then_some((index + 1, line))
    })
}

/// Returns the targets of the inline links and images of a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

/// Returns the anchors of a document's headings, as GitHub derives them.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings =
        text_lines(text).filter_map(|(_, line)| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings.map(|heading| {
        let letters = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
        letters.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::{NO_LINES, lines};
    use super::{anchors, check, paths};

    #[test]
    fn links_to_missing_files_and_headings_are_reported() {
        let text = "# A b\n[a](README.md) [b](#a-b) ![c](docs/images/none.png)\n[d](docs/README.md#documentation)\n[e](#b)\n```\n[f](none)\n```\n[g](docs/none.md)\n";
        assert_eq!(lines(check, "README.md", text), [2, 4, 8]);
        assert_eq!(lines(check, "docs/a.md", "[a](../README.md) [b](README.md)"), NO_LINES);
        assert_eq!(lines(check, "README.rs", "//! [a](none)"), NO_LINES);
    }

    #[test]
    fn paths_that_do_not_exist_are_reported() {
        let text = "`xtask/src/{main,none}.rs` and `xtask/src/main.rs`\n`docs/none/` `js/` `src/a b` `dist/none`\n";
        assert_eq!(lines(paths, "ARCHITECTURE.md", text), [1, 2]);
    }

    #[test]
    fn public_addresses_of_the_repository_are_checked_and_others_are_not() {
        let text = "[a](https://example.com/x)\n[b](https://github.com/tillroll/tillroll/blob/main/README.md)\n[c](https://github.com/tillroll/tillroll/blob/main/none.md)\n";
        assert_eq!(lines(check, "js/package/README.md", text), [3]);
    }

    #[test]
    fn anchors_are_derived_as_on_github() {
        let anchors: Vec<_> = anchors("# The `window.tillroll`, a map\n```\n# no heading\n```\n## It's_1-2\n").collect();
        assert_eq!(anchors, ["the-windowtillroll-a-map", "its_1-2"]);
    }
}
