//! The lines of the report, printed as they are found.

use std::io::Write;

use anstyle::{AnsiColor, Color, Style};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// All is well.
    Ok,
    /// Something works, but not as well as it could, or could not be checked.
    Warning,
    /// Something does not work.
    Problem,
}

/// What a check found, with what to do about it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) text: String,
}

impl Finding {
    pub(super) fn ok(text: impl Into<String>) -> Self {
        Self { level: Level::Ok, text: text.into() }
    }

    pub(super) fn warning(text: impl Into<String>) -> Self {
        Self { level: Level::Warning, text: text.into() }
    }

    pub(super) fn problem(text: impl Into<String>) -> Self {
        Self { level: Level::Problem, text: text.into() }
    }
}

/// The report so far.
pub(super) struct Report {
    out: anstream::AutoStream<std::io::Stdout>,
    problems: usize,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { out: anstream::AutoStream::auto(std::io::stdout()), problems: 0 }
    }

    /// Prints the finding of a check.
    pub(super) fn add(&mut self, check: &str, finding: &Finding) {
        let (word, colour) = match finding.level {
            Level::Ok => ("ok", AnsiColor::Green),
            Level::Warning => ("warning", AnsiColor::Yellow),
            Level::Problem => ("problem", AnsiColor::Red),
        };
        self.problems += usize::from(finding.level == Level::Problem);
        let style = Style::new().fg_color(Some(Color::Ansi(colour))).bold();
        // Texts of a server or a proxy may have several lines and control characters.
        let text: String =
            finding.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|letter| !letter.is_control()).collect();
        // A closed pipe ends the output, not the checks: the exit code is their result.
        let _ = writeln!(self.out, "{style}{word:8}{style:#} {check:14} {text}").and_then(|()| self.out.flush());
    }

    /// Returns an error if there is a problem.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self.problems {
            0 => Ok(()),
            1 => Err(anyhow::anyhow!("there is a problem")),
            count => Err(anyhow::anyhow!("there are {count} problems")),
        }
    }
}
