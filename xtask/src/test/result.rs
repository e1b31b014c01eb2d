//! The result of a check, and the parser that derives it from the output of a test runner.
//!
//! The parser reads libtest's `test result:` lines and the summary of Node's test runner. It also collects the output of failed tests, so
//! that the summary at the end of a long log can repeat it.

use std::collections::BTreeSet;

/// The result of one check.
pub(super) enum CheckResult {
    /// A check without single tests counts as one test. `failure_output` is what the runner printed about failed tests.
    Ran { passed: u64, failed: u64, failure_output: Vec<String> },
    /// The machine lacks a tool that the check needs.
    Skipped(String),
}

impl CheckResult {
    pub(super) const PASSED: Self = Self::Ran { passed: 1, failed: 0, failure_output: Vec::new() };
    pub(super) const FAILED: Self = Self::Ran { passed: 0, failed: 1, failure_output: Vec::new() };

    /// The result after the failed tests have run again. Tests that passed then count as passed; the output of the first attempt stays.
    pub(super) fn with_second_attempt(self, second: Self) -> Self {
        match (self, second) {
            (Self::Ran { passed, failed, failure_output }, Self::Ran { failed: failed_again, .. }) => {
                let failed_again = failed_again.min(failed);
                Self::Ran { passed: passed + failed - failed_again, failed: failed_again, failure_output }
            }
            (first, _) => first,
        }
    }

    /// Returns the result of two parts of a check.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Ran { passed, failed, mut failure_output },
                Self::Ran { passed: more_passed, failed: more_failed, failure_output: more_output },
            ) => {
                failure_output.extend(more_output);
                Self::Ran { passed: passed + more_passed, failed: failed + more_failed, failure_output }
            }
            (Self::Skipped(reason), _) | (_, Self::Skipped(reason)) => Self::Skipped(reason),
        }
    }
}

/// The maximum number of lines about failures that the summary repeats for each check.
const MAX_FAILURE_LINES: usize = 40;

/// Counts tests line by line.
#[derive(Default)]
pub(super) struct OutputParser {
    passed: u64,
    failed: u64,
    failure_output: Vec<String>,
    /// What to run again: the names of failed Rust tests, the files of failed Node tests.
    failed_tests: BTreeSet<String>,
    /// Whether the next line belongs to the output of a failed test.
    in_failure: bool,
}

impl OutputParser {
    /// Parses one line of output. An ignored Rust test counts as failed: every test must run.
    pub(super) fn add_line(&mut self, line: &str) {
        let line = without_colors(line);
        self.collect_failure(&line);
        self.failed_tests.extend(failed_rust_test(&line).or_else(|| failed_node_file(&line)).map(str::to_owned));
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed") + number_before(result, " ignored");
        } else if let Some(summary) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            let number = |name| summary.strip_prefix(name).and_then(|rest: &str| rest.trim().parse::<u64>().ok());
            self.passed += number("pass ").unwrap_or(0);
            self.failed += number("fail ").or_else(|| number("cancelled ")).unwrap_or(0);
        }
    }

    /// Collects the lines between libtest's `---- NAME stdout ----` and its list of names, and those after Node's `failing tests`.
    fn collect_failure(&mut self, line: &str) {
        if line.starts_with("---- ") || line.starts_with("✖ failing tests") {
            self.in_failure = true;
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.in_failure = false;
        }
        if self.in_failure && !line.trim().is_empty() && self.failure_output.len() < MAX_FAILURE_LINES {
            self.failure_output.push(line.to_owned());
        }
    }

    /// The result. A runner that failed without a failed test, for example with a compile error, counts as one failure.
    pub(super) fn finish(self, success: bool) -> CheckResult {
        let failed = if success { self.failed } else { self.failed.max(1) };
        CheckResult::Ran { passed: self.passed, failed, failure_output: self.failure_output }
    }

    /// What to run again after a failure.
    pub(super) fn failed_tests(&self) -> Vec<String> {
        self.failed_tests.iter().cloned().collect()
    }
}

/// The name in libtest's line `test NAME ... FAILED`.
fn failed_rust_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// The file in the line `test at FILE:LINE:COLUMN` of Node's summary.
fn failed_node_file(line: &str) -> Option<&str> {
    let (file, _) = line.strip_prefix("test at ")?.split_once(".test.mjs:")?;
    line.strip_prefix("test at ")?.get(..file.len() + ".test.mjs".len())
}

/// The number directly before `label`, or 0.
fn number_before(text: &str, label: &str) -> u64 {
    let Some((head, _)) = text.split_once(label) else { return 0 };
    head.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Removes the ANSI color codes of a line.
fn without_colors(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{CheckResult, OutputParser};

    #[test]
    fn failure_output_is_collected() {
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
        let mut parser = OutputParser::default();
        lines.iter().chain(&node).for_each(|line| parser.add_line(line));
        let expected = ["---- a stdout ----", "panicked: 1 is not 2", "✖ failing tests:", "test at b.mjs:1:1", "✖ b (1 ms)"];
        assert_eq!(parser.failure_output, expected);
    }

    #[test]
    fn a_test_that_passes_in_the_second_attempt_counts_as_passed() {
        let ran = |passed, failed| CheckResult::Ran { passed, failed, failure_output: Vec::new() };
        for (second, expected) in [(ran(3, 0), (10, 0)), (ran(2, 1), (9, 1)), (ran(0, 9), (8, 2))] {
            let CheckResult::Ran { passed, failed, .. } = ran(8, 2).with_second_attempt(second) else { panic!("not run") };
            assert_eq!((passed, failed), expected);
        }
    }

    #[test]
    fn failed_tests_are_named_as_their_runner_accepts_them() {
        let lines = [
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test at tests/d.test.mjs:3:7",
            "test at tests/d.test.mjs:9:1",
            "test at node:1:1",
        ];
        let mut parser = OutputParser::default();
        lines.iter().for_each(|line| parser.add_line(line));
        assert_eq!(parser.failed_tests(), ["a::c", "tests/d.test.mjs"]);
    }

    #[test]
    fn tests_are_counted_in_the_format_of_each_runner() {
        let cases: &[(&str, &[&str], (u64, u64))] = &[
            ("libtest", &["test result: ok. 6 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"], (6, 0)),
            ("libtest, an ignored test", &["test result: ok. 6 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"], (6, 1)),
            ("libtest, two binaries", &["test result: ok. 2 passed; 0 failed;", "test result: FAILED. 1 passed; 3 failed;"], (3, 3)),
            ("libtest in color", &["test result: \u{1b}[31mFAILED\u{1b}[0m. 1 passed; 2 failed; 0 ignored"], (1, 2)),
            ("node, spec", &["ℹ tests 7", "ℹ pass 4", "ℹ fail 2", "ℹ cancelled 1", "ℹ skipped 0"], (4, 3)),
            ("node, TAP", &["# tests 3", "# pass 3", "# fail 0"], (3, 0)),
            ("other lines", &["running 3 tests", "test a ... ok", "# passing through", "ℹ pass it on"], (0, 0)),
        ];
        for (title, lines, expected) in cases {
            let mut parser = OutputParser::default();
            lines.iter().for_each(|line| parser.add_line(line));
            assert_eq!((parser.passed, parser.failed), *expected, "{title}");
        }
    }
}
