//! Links of the documents to files outside `docs/`: in the site they lead to the public address of the repository.

use std::path::{Component, Path, PathBuf};

use crate::tidy::{PUBLIC, text_lines};

/// Returns a document with public addresses in place of links that leave `docs/`. `name` is its path in that folder.
pub(super) fn replace(name: &Path, text: &str) -> String {
    let folder = Path::new("docs").join(name.parent().unwrap_or(Path::new("")));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (number, line) in text_lines(text) {
        let mut parts = line.split("](");
        let first = parts.next().unwrap_or_default().to_owned();
        lines[number - 1] = parts.fold(first, |line, rest| match public(&folder, rest) {
            Some(address) => format!("{line}]({PUBLIC}{address}"),
            None => format!("{line}]({rest}"),
        });
    }
    lines.join("\n") + "\n"
}

/// Returns `rest`, which begins with the target of a link, as a path from the root, if the target is outside `docs/`.
fn public(folder: &Path, rest: &str) -> Option<String> {
    if !rest.starts_with("..") {
        return None;
    }
    let end = rest.find([')', '#', ' ']).unwrap_or(rest.len());
    let path = normalised(&folder.join(&rest[..end]));
    (!path.starts_with("docs")).then(|| format!("{}{}", path.display(), &rest[end..]))
}

/// Resolves `..` in a path.
fn normalised(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => drop(path.pop()),
            component => path.push(component),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::replace;

    #[test]
    fn links_that_leave_the_documents_become_public() {
        let text = "[a](../README.md#try-it) and [b](data.md), [c](../docs/data.md)\n```\n[d](../README.md)\n```\n";
        let expected = "[a](https://github.com/tillroll/tillroll/blob/main/README.md#try-it) and [b](data.md), [c](../docs/data.md)\n```\n[d](../README.md)\n```\n";
        assert_eq!(replace(Path::new("a.md"), text), expected);
        let inner = "[a](../data.md) [b](../../examples/next/README.md)\n";
        let expected = "[a](../data.md) [b](https://github.com/tillroll/tillroll/blob/main/examples/next/README.md)\n";
        assert_eq!(replace(Path::new("recipes/a.md"), inner), expected);
    }
}
