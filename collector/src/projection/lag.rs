//! How fresh the projection is, and whether something keeps it from being so.
//!
//! The thread that brings changes over tells; operators and whoever waits for fresh records read.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::clock::Stopwatch;
use crate::telemetry::plain;

/// What is told.
#[derive(Default)]
pub(super) struct Freshness {
    /// Since when there has been something to bring that is not there yet.
    behind: Mutex<Option<Stopwatch>>,
    /// How many steps have failed one after the other.
    row: AtomicU64,
    /// How many steps have failed at all.
    failures: AtomicU64,
}

/// What is read.
pub(super) struct Reading {
    changes: i64,
    seconds: f64,
    row: u64,
    failures: u64,
}

impl Freshness {
    /// There is something to bring.
    pub(super) fn fell_behind(&self) {
        self.behind().get_or_insert_with(Stopwatch::start);
    }

    /// A step was done; with `all`, nothing is left to bring.
    pub(super) fn came_along(&self, all: bool) {
        self.row.store(0, Relaxed);
        if all {
            *self.behind() = None;
        }
    }

    /// A step failed. Returns how many have done so one after the other.
    pub(super) fn failed(&self) -> u64 {
        self.failures.fetch_add(1, Relaxed);
        self.row.fetch_add(1, Relaxed) + 1
    }

    /// Returns everything at once; `changes` is how many are missing.
    pub(super) fn read(&self, changes: i64) -> Reading {
        let seconds = self.behind().map_or(0.0, |since| since.elapsed().as_secs_f64());
        Reading { changes, seconds, row: self.row.load(Relaxed), failures: self.failures.load(Relaxed) }
    }

    fn behind(&self) -> std::sync::MutexGuard<'_, Option<Stopwatch>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// Returns what is wrong, in a sentence.
    pub(super) fn ailment(&self) -> Option<String> {
        let Self { changes, seconds, row, .. } = self;
        (*row > 0).then(|| format!("the projection has failed {row} times in a row and is {changes} changes and {seconds:.0} s behind"))
    }
}

/// Prints for Prometheus; `None` is a projection that could not be opened.
pub(super) fn print(reading: Option<&Reading>) -> String {
    let mut out = String::new();
    let up = u8::from(reading.is_some_and(|reading| reading.row == 0));
    plain(&mut out, "tillroll_projection_up", "gauge", "Whether the projection follows the store.", up);
    if let Some(Reading { changes, seconds, failures, .. }) = reading {
        plain(&mut out, "tillroll_projection_lag_changes", "gauge", "Changes that are not in the projection yet.", changes);
        plain(&mut out, "tillroll_projection_lag_seconds", "gauge", "For how long the projection has been behind the store.", seconds);
        plain(&mut out, "tillroll_projection_failures_total", "counter", "Steps of the projection that failed.", failures);
    }
    out
}
