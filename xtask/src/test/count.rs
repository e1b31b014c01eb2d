//! Counts single tests by what the test runners print: libtest's `test result:` lines and Node's summary.

use super::checks::Verdict;

/// What has been counted so far.
#[derive(Default)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Reads one line of output.
    pub(super) fn read(&mut self, line: &str) {
        let line = plain(line);
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += before(result, " passed");
            self.failed += before(result, " failed");
        } else if let Some(summary) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            let number = |name| summary.strip_prefix(name).and_then(|rest: &str| rest.trim().parse::<u64>().ok());
            self.passed += number("pass ").unwrap_or(0);
            self.failed += number("fail ").or_else(|| number("cancelled ")).unwrap_or(0);
        }
    }

    /// A runner that failed without a failed test, say because something did not compile, is one failure.
    pub(super) fn verdict(self, success: bool) -> Verdict {
        let failed = if success { self.failed } else { self.failed.max(1) };
        Verdict::Ran { passed: self.passed, failed }
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
