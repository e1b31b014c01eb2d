//! The result of a check, and the parser that derives it from the output of a test runner.
//!
//! The parser reads libtest's `test result:` lines and the summary of Node's test runner. It also collects the output of failed tests, so
//! that the summary at the end of a long log can repeat it.

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
}

/// The maximum number of lines about failures that the summary repeats for each check.
const MAX_FAILURE_LINES: usize = 40;

/// Counts tests line by line.
#[derive(Default)]
pub(super) struct OutputParser {
    passed: u64,
    failed: u64,
    failure_output: Vec<String>,
    /// Whether the next line belongs to the output of a failed test.
    in_failure: bool,
}

impl OutputParser {
    /// Parses one line of output. An ignored Rust test counts as failed: every test must run.
    pub(super) fn add_line(&mut self, line: &str) {
        let line = without_colors(line);
        self.collect_failure(&line);
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
    use super::OutputParser;

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
