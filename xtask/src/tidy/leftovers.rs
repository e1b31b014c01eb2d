//! Rules on what must not remain in the code base: notes, sleeps in Rust tests, paths of a machine, addresses of a registry.

use super::source::{Finding, Source};

const NOTES: &[&str] = &["TODO", "FIXME", "XXX"];
/// This file contains what it forbids.
const THIS_FILE: &str = "xtask/src/tidy/leftovers.rs";
/// Marks a pause in a polling loop with a deadline.
const POLL_MARKER: &str = "// poll";

/// Open work belongs in an issue, not in the code.
pub(super) fn notes(source: &Source) -> Vec<Finding> {
    if !source.has_extension(&["rs", "js", "mjs", "ts", "css", "html", "toml", "sh"]) || source.path == THIS_FILE {
        return Vec::new();
    }
    let is_note = |word: &&str| NOTES.contains(word);
    let note_in =
        |text: &str| text.split(|character: char| !character.is_alphanumeric() && character != '_').find(is_note).map(str::to_owned);
    let notes = source.lines().filter_map(|(line, text)| Some((line, note_in(text)?)));
    notes.map(|(line, note)| source.finding(line, format!("`{note}`: do the work now or open an issue"))).collect()
}

/// A Rust test waits for an event, not for a fixed time. Clippy forbids `std::thread::sleep` everywhere and ESLint checks the scripts.
pub(super) fn sleeps_in_tests(source: &Source) -> Vec<Finding> {
    let in_test = |path: &&super::rust_paths::PathUse| path.in_test || source.is_test();
    let sleeps = source.path_uses.iter().filter(|path| path.segments.last().is_some_and(|name| name == "sleep")).filter(in_test);
    let is_marked = |line: usize| source.text.lines().nth(line - 1).is_some_and(|text| text.contains(POLL_MARKER));
    let message = format!("wait for the event instead of a fixed time; mark the pause of a polling loop with `{POLL_MARKER}`");
    sleeps.filter(|path| !is_marked(path.line)).map(|path| source.finding(path.line, &*message)).collect()
}

/// No file depends on the machine of its author.
pub(super) fn machine_paths(source: &Source) -> Vec<Finding> {
    if source.path == THIS_FILE {
        return Vec::new();
    }
    let is_absolute = |text: &str, path: &str| {
        text.match_indices(path).any(|(start, _)| !text[..start].ends_with(|before: char| before.is_alphanumeric()))
    };
    let path_in = |text: &str| ["/root/", "/home/"].into_iter().find(|path| is_absolute(text, path));
    let paths = source.lines().filter_map(|(line, text)| Some((line, path_in(text)?)));
    paths.map(|(line, path)| source.finding(line, format!("`{path}…` is a path of one machine; use a relative path"))).collect()
}

/// An npm lock file does not fix the address of a registry.
pub(super) fn registry_addresses(source: &Source) -> Vec<Finding> {
    if !source.path.ends_with("package-lock.json") {
        return Vec::new();
    }
    // Packages of a workspace have their folder there.
    let resolved = source.lines().filter(|(_, text)| text.contains("\"resolved\"") && text.contains("://"));
    let message = "`resolved` contains the address of a registry; run npm install with the .npmrc of this folder";
    resolved.map(|(line, _)| source.finding(line, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{NO_LINES, lines};
    use super::{machine_paths, notes, registry_addresses, sleeps_in_tests};

    #[test]
    fn notes_are_found_as_whole_words() {
        assert_eq!(lines(notes, "src/a.rs", "// TODO: b\nlet s = 1;\n// TODOS\n"), [1]);
        assert_eq!(lines(notes, "js/a.js", "/* FIXME */\nlet XXXX;"), [1]);
        assert_eq!(lines(notes, "notes.md", "TODO"), NO_LINES);
    }

    #[test]
    fn sleeps_are_found_in_tests_unless_marked() {
        let rust = "fn a() {\n    std::thread::sleep(b);\n    tokio::time::sleep(b).await;\n    thread::sleep(b); // poll\n}\n";
        assert_eq!(lines(sleeps_in_tests, "tests/a.rs", rust), [2, 3]);
        assert_eq!(lines(sleeps_in_tests, "collector/src/a.rs", rust), NO_LINES);
        let in_module = "#[cfg(test)]\nmod tests {\n    async fn a() {\n        sleep(b).await;\n    }\n}\n";
        assert_eq!(lines(sleeps_in_tests, "collector/src/a.rs", in_module), [4]);
    }

    #[test]
    fn machine_paths_and_registry_addresses_are_found() {
        assert_eq!(lines(machine_paths, "a.md", "see /home/me/x\nand /root/.cargo\nhttps://shop.example/home/new\n"), [1, 2]);
        assert_eq!(lines(registry_addresses, "package-lock.json", "{\n\"resolved\": \"https://a\"\n}"), [2]);
    }
}
