//! Counts single tests by what the test runners print: libtest's `test result:` lines and Node's summary. Of those that failed it keeps
//! what was said of them, so that the end of a long output tells.

use super::checks::Verdict;

/// How many lines of what failed a check repeats in the summary.
const REPEATED: usize = 40;

/// What has been counted so far.
#[derive(Default)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    /// What the runners said of the failed tests, and whether the next line goes on with it.
    told: Vec<String>,
    is_telling: bool,
}

impl Tally {
    /// Reads one line of output.
    pub(super) fn read(&mut self, line: &str) {
        let line = plain(line);
        self.tell(&line);
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += before(result, " passed");
            self.failed += before(result, " failed");
        } else if let Some(summary) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            let number = |name| summary.strip_prefix(name).and_then(|rest: &str| rest.trim().parse::<u64>().ok());
            self.passed += number("pass ").unwrap_or(0);
            self.failed += number("fail ").or_else(|| number("cancelled ")).unwrap_or(0);
        }
    }

    /// Keeps what stands between libtest's `---- NAME stdout ----` and its list of names, and behind Node's `failing tests`.
    fn tell(&mut self, line: &str) {
        if line.starts_with("---- ") || line.starts_with("✖ failing tests") {
            self.is_telling = true;
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.is_telling = false;
        }
        if self.is_telling && !line.trim().is_empty() && self.told.len() < REPEATED {
            self.told.push(line.to_owned());
        }
    }

    /// A runner that failed without a failed test, say because something did not compile, is one failure.
    pub(super) fn verdict(self, success: bool) -> Verdict {
        let failed = if success { self.failed } else { self.failed.max(1) };
        Verdict::Ran { passed: self.passed, failed, told: self.told }
    }
}

/// The number that stands before these words.
fn before(text: &str, words: &str) -> u64 {
    let head = text.split(words).next().unwrap_or_default();
    head.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A line without the colour codes of terminals.
fn plain(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn what_failed_is_told() {
        let lines = [
            "test a ... FAILED",
            "failures:",
            "---- a stdout ----",
            "panicked: 1 is not 2",
            "",
            "failures:",
            "    a",
            "test result: FAILED. 0 passed; 1 failed;",
        ];
        let node = ["✖ b (1 ms)", "ℹ fail 1", "✖ failing tests:", "test at b.mjs:1:1", "✖ b (1 ms)"];
        let mut tally = Tally::default();
        lines.iter().chain(&node).for_each(|line| tally.read(line));
        let expected = ["---- a stdout ----", "panicked: 1 is not 2", "✖ failing tests:", "test at b.mjs:1:1", "✖ b (1 ms)"];
        assert_eq!(tally.told, expected);
    }

    #[test]
    fn runners_are_read_in_their_own_words() {
        let cases: &[(&str, &[&str], (u64, u64))] = &[
            ("libtest", &["test result: ok. 6 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"], (6, 0)),
            ("two of them", &["test result: ok. 2 passed; 0 failed;", "test result: FAILED. 1 passed; 3 failed;"], (3, 3)),
            ("libtest in colour", &["test result: \u{1b}[31mFAILED\u{1b}[0m. 1 passed; 2 failed; 0 ignored"], (1, 2)),
            ("node, spec", &["ℹ tests 7", "ℹ pass 4", "ℹ fail 2", "ℹ cancelled 1", "ℹ skipped 0"], (4, 3)),
            ("node, TAP", &["# tests 3", "# pass 3", "# fail 0"], (3, 0)),
            ("others", &["running 3 tests", "test a ... ok", "# passing through", "ℹ pass it on"], (0, 0)),
        ];
        for (title, lines, expected) in cases {
            let mut tally = Tally::default();
            lines.iter().for_each(|line| tally.read(line));
            assert_eq!((tally.passed, tally.failed), *expected, "{title}");
        }
    }
}
