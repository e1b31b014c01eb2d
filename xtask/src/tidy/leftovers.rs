//! Rules on what must not stay behind: notes to oneself, tests left out, sleeps, the author's machine.

use super::Finding;
use super::source::{Source, words};

const NOTES: &[&str] = &["TODO", "FIXME", "XXX"];
const UNDONE: &[&str] = &["todo!", "dbg!", "unimplemented!"];
/// This folder names what it forbids.
const RULES: &str = "xtask/src/tidy/";
/// Marks the pause between two looks in a loop with a deadline, which is no sleep to be safe.
const POLL: &str = "// poll";

/// Nothing is left to be done in the code; that is what issues are for.
pub(super) fn notes(source: &Source) -> Vec<Finding> {
    let is_code = source.is(&["rs", "js", "mjs", "ts", "css", "html", "toml", "sh"]);
    if !is_code || source.below(&[RULES]) {
        return Vec::new();
    }
    let noted = pick(&source.text, |line| NOTES.iter().copied().find(|note| words(line, note).next().is_some()));
    let undone = source.is(&["rs"]).then_some(&source.code);
    let undone =
        undone.into_iter().flat_map(|code| pick(code, |line| UNDONE.iter().copied().find(|word| words(line, word).next().is_some())));
    noted.chain(undone).map(|(line, what)| Finding::new(line, format!("`{what}`: do it now, or open an issue"))).collect()
}

/// Every test runs.
pub(super) fn left_out_tests(source: &Source) -> Vec<Finding> {
    let marks: &[&str] = match () {
        () if source.is(&["rs"]) => &["#[ignore"],
        () if source.is(&["js", "mjs", "ts"]) && source.is_test() => &[".only(", ".skip("],
        () => return Vec::new(),
    };
    let left_out = pick(&source.code, |line| marks.iter().copied().find(|mark| line.contains(mark)));
    left_out.map(|(line, mark)| Finding::new(line, format!("`{mark}` leaves tests out; repair the test or remove it"))).collect()
}

/// A test waits for the thing itself.
pub(super) fn sleeps(source: &Source) -> Vec<Finding> {
    let script = source.is(&["js", "mjs", "ts"]) && source.is_test();
    if !script && !source.is(&["rs"]) || source.path.ends_with("/clock.rs") || source.below(&[RULES]) {
        return Vec::new();
    }
    let sleeping = |code: &str, test: bool| match script {
        true => script_sleeps(code),
        false => code.contains("thread::sleep") || test && code.contains("sleep(") && code.contains(".await"),
    };
    let marked: Vec<bool> = source.text.lines().map(|line| line.contains(POLL)).collect();
    let lines = source.code_lines().filter(|(line, code, test)| sleeping(code, *test) && marked.get(line - 1) != Some(&true));
    lines
        .map(|(line, ..)| {
            Finding::new(line, format!("wait for what happens, not for a while; a pause between two looks is marked `{POLL}`"))
        })
        .collect()
}

fn script_sleeps(code: &str) -> bool {
    let promised = code.contains("new Promise") && code.contains("setTimeout(") && !code.contains("reject");
    promised || ["await sleep", "await delay", "timers/promises"].iter().any(|sleep| code.contains(sleep))
}

/// Nothing knows the machine it was written on.
pub(super) fn machine_paths(source: &Source) -> Vec<Finding> {
    if source.below(&[RULES]) {
        return Vec::new();
    }
    let own = |line: &str| {
        ["/root/", "/home/"]
            .into_iter()
            .find(|path| line.match_indices(path).any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric())))
    };
    let paths = pick(&source.text, own);
    paths.map(|(line, path)| Finding::new(line, format!("`{path}…` is a path of one machine; make it relative"))).collect()
}

/// The lock file leaves the choice of the registry to the machine.
pub(super) fn registry_hosts(source: &Source) -> Vec<Finding> {
    if source.path != "package-lock.json" {
        return Vec::new();
    }
    let hosts = pick(&source.text, |line| line.contains("\"resolved\"").then_some("resolved"));
    hosts.map(|(line, key)| Finding::new(line, format!("`{key}` names a registry; run npm install with this folder's .npmrc"))).collect()
}

fn pick<'a, T>(text: &'a str, find: impl Fn(&'a str) -> Option<T>) -> impl Iterator<Item = (usize, T)> {
    text.lines().enumerate().filter_map(move |(index, line)| Some((index + 1, find(line)?)))
}

#[cfg(test)]
mod tests {
    use super::super::{NONE, lines};
    use super::{left_out_tests, machine_paths, notes, registry_hosts, sleeps};

    #[test]
    fn nothing_is_left_to_do() {
        assert_eq!(lines(notes, "src/a.rs", "// TODO: b\nlet s = \"todo!\";\ntodo!()\n// TODOS\n"), [1, 3]);
        assert_eq!(lines(notes, "js/a.js", "/* FIXME */\nlet XXXX;"), [1]);
        assert_eq!(lines(notes, "notes.md", "TODO"), NONE);
    }

    #[test]
    fn no_test_is_left_out() {
        assert_eq!(lines(left_out_tests, "src/a.rs", "#[ignore]\niter.skip(1)\n// #[ignore]\n"), [1]);
        assert_eq!(lines(left_out_tests, "js/a.test.mjs", "test.only('a')\ntest.skip('b')\ntest('c')"), [1, 2]);
        assert_eq!(lines(left_out_tests, "js/a.js", "only.only(1)"), NONE);
    }

    #[test]
    fn tests_do_not_sleep_to_be_safe() {
        let script = "await sleep(5);\nawait new Promise((go) => setTimeout(go, 9));\nsetTimeout(() => reject(late), 9);\nawait new Promise((go) => setTimeout(go, 9)); // poll\n";
        assert_eq!(lines(sleeps, "tests/browser/a.test.mjs", script), [1, 2]);
        assert_eq!(lines(sleeps, "js/a.js", script), NONE);
        let rust = "std::thread::sleep(a);\ntokio::time::sleep(a).await;\n";
        assert_eq!(lines(sleeps, "tests/a.rs", rust), [1, 2]);
        assert_eq!(lines(sleeps, "collector/src/a.rs", rust), [1]);
    }

    #[test]
    fn nobody_is_at_home() {
        assert_eq!(lines(machine_paths, "a.md", "see /home/me/x\nand /root/.cargo\nhttps://shop.example/home/new\n"), [1, 2]);
        assert_eq!(lines(registry_hosts, "package-lock.json", "{\n\"resolved\": \"https://a\"\n}"), [2]);
    }
}
