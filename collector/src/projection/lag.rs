//! How far the projection is behind the store, and whether an error keeps it there.
//!
//! The sync task writes these figures; health checks, Prometheus and requests for fresh records read them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::clock::Stopwatch;
use crate::telemetry::{self, gauge, total};

/// The state of the sync task, shared with its readers.
#[derive(Default)]
pub(super) struct SyncHealth {
    /// Since when changes have been missing.
    behind_since: Mutex<Option<Stopwatch>>,
    consecutive_failures: AtomicU64,
    total_failures: AtomicU64,
    pauses: AtomicU64,
}

/// One reading of [`SyncHealth`].
pub(super) struct Lag {
    changes: i64,
    seconds: f64,
    consecutive_failures: u64,
    total_failures: u64,
    pauses: u64,
}

impl SyncHealth {
    /// Notes that changes are missing.
    pub(super) fn mark_behind(&self) {
        self.behind_since().get_or_insert_with(Stopwatch::start);
    }

    /// Notes a successful step; with `caught_up`, no change is missing any more.
    pub(super) fn record_success(&self, caught_up: bool) {
        self.consecutive_failures.store(0, Relaxed);
        if caught_up {
            *self.behind_since() = None;
        }
    }

    /// Notes a failed step. Returns the number of consecutive failures.
    pub(super) fn record_failure(&self) -> u64 {
        self.total_failures.fetch_add(1, Relaxed);
        self.consecutive_failures.fetch_add(1, Relaxed) + 1
    }

    /// Notes that requests go first for a while.
    pub(super) fn record_pause(&self) {
        self.pauses.fetch_add(1, Relaxed);
    }

    /// Returns all figures; `changes` is the number of missing changes.
    pub(super) fn read(&self, changes: i64) -> Lag {
        let seconds = self.behind_since().map_or(0.0, |since| since.elapsed().as_secs_f64());
        let consecutive_failures = self.consecutive_failures.load(Relaxed);
        let total_failures = self.total_failures.load(Relaxed);
        Lag { changes, seconds, consecutive_failures, total_failures, pauses: self.pauses.load(Relaxed) }
    }

    fn behind_since(&self) -> std::sync::MutexGuard<'_, Option<Stopwatch>> {
        self.behind_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lag {
    /// Returns what is wrong, as a sentence; `None` after a success.
    pub(super) fn health_error(&self) -> Option<String> {
        let Self { changes, seconds, consecutive_failures: failures, .. } = self;
        (*failures > 0)
            .then(|| format!("the projection has failed {failures} times in a row and is {changes} changes and {seconds:.0} s behind"))
    }
}

/// Returns the Prometheus lines; `None` stands for a projection that could not be opened.
pub(super) fn render(lag: Option<&Lag>) -> String {
    let is_up = lag.is_some_and(|lag| lag.consecutive_failures == 0);
    let mut families = gauge("tillroll_projection_up", "Whether the projection follows the store.", f64::from(u8::from(is_up)));
    if let Some(Lag { changes, seconds, total_failures, pauses, .. }) = lag {
        families.extend(gauge("tillroll_projection_lag_changes", "Changes that are not in the projection yet.", *changes as f64));
        families.extend(gauge("tillroll_projection_lag_seconds", "For how long the projection has been behind the store.", *seconds));
        families.extend(total("tillroll_projection_failures_total", "Steps of the projection that failed.", *total_failures));
        families.extend(total("tillroll_projection_pauses_total", "Pauses of the projection while many events arrived.", *pauses));
    }
    telemetry::render(&families)
}
