//! Bounds the log: at most a number of lines a minute for each message, so that no client can fill the disk with warnings.
//!
//! A message is what one place of the program logs. What was left out is counted and logged once a minute.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

use crate::clock::Stopwatch;

/// How many lines of one message are logged in each [`WINDOW`].
const MAX_LINES: u32 = 60;

/// The time after which the lines are counted again.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// The budget of this process.
static BUDGET: LazyLock<Mutex<HashMap<Identifier, Window>>> = LazyLock::new(Mutex::default);

/// The lines of one message since a time.
struct Window {
    since: Stopwatch,
    lines: u32,
    message: String,
}

/// Lets a line pass if its message is within the budget. Lines of the level `debug` always pass: the operator asked for every request.
#[derive(Clone, Copy, Debug)]
pub struct LogBudget;

impl<S> Filter<S> for LogBudget {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if *event.metadata().level() > Level::INFO {
            return true;
        }
        let mut budget = BUDGET.lock().unwrap_or_else(PoisonError::into_inner);
        let window = budget.entry(event.metadata().callsite()).or_insert_with(|| Window::new(event));
        if window.since.elapsed() >= WINDOW && window.lines <= MAX_LINES {
            *window = Window::new(event);
        }
        window.lines = window.lines.saturating_add(1);
        window.lines <= MAX_LINES
    }
}

impl Window {
    fn new(event: &Event<'_>) -> Self {
        let mut message = Message(String::new());
        event.record(&mut message);
        Self { since: Stopwatch::start(), lines: 0, message: message.0 }
    }
}

/// Reads the text of an event without its fields, which could be what a client sent.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// Logs how many lines of each message were left out in windows that have ended, and starts new windows for them.
pub(crate) fn report() {
    let mut left_out = Vec::new();
    let mut is_running = |window: &mut Window| {
        if window.since.elapsed() < WINDOW {
            return true;
        }
        let lines = window.lines.saturating_sub(MAX_LINES);
        if lines > 0 {
            left_out.push((std::mem::take(&mut window.message), lines));
        }
        false
    };
    BUDGET.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, window| is_running(window));
    for (message, lines) in left_out {
        tracing::warn!(lines, message, "lines of a message that occurred too often were left out");
    }
}
