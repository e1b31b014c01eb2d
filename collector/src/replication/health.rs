//! Whether this node takes requests: the log accepts entries, and the store has applied what the log has.
//!
//! The lag is measured without any clock of another machine: this node asks for the number of the newest entry, and the lag is the time since
//! the last such question whose entry is applied by now.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter};

use crate::clock::Stopwatch;
use crate::store::{ReplicaStatus, StoreError};
use crate::telemetry::{gauge, render, total};

/// A node that lags longer is not ready.
const MAX_LAG: Duration = Duration::from_secs(2);

/// A node that lags longer takes no requests, because each would wait as long.
const MAX_REQUEST_LAG: Duration = Duration::from_secs(20);

/// How many answers about the newest entry are kept until they are reached.
const MAX_MARKS: usize = 64;

/// The upper bounds of the histogram's buckets, in seconds.
const BUCKETS_SECS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.0];

/// The health of the log as this node sees it.
pub(super) struct Health {
    store: ReplicaStatus,
    /// Whether the log accepted the last entry.
    is_available: AtomicBool,
    /// The newest number that the log was seen to have.
    newest: AtomicU64,
    lag: Mutex<Lag>,
    /// Why the log cannot be read.
    read_error: Mutex<Option<String>>,
    published: IntCounter,
    errors: IntCounter,
    publish_seconds: Histogram,
}

struct Lag {
    start: Stopwatch,
    /// The last time at which the log had no entry that is not applied by now.
    caught_up: Option<Stopwatch>,
    /// When the log was asked, and the newest number that it had.
    marks: VecDeque<(Stopwatch, u64)>,
}

impl Health {
    pub(super) fn new(store: ReplicaStatus) -> Self {
        let options = HistogramOpts::new("tillroll_log_publish_seconds", "Time until the quorum of the replicated log has an entry.");
        let publish_seconds = Histogram::with_opts(options.buckets(BUCKETS_SECS.to_vec()));
        let counter = |name, help| IntCounter::new(name, help).unwrap_or_else(|error| panic!("invalid metric: {error}"));
        Self {
            store,
            is_available: AtomicBool::new(true),
            newest: AtomicU64::new(0),
            lag: Mutex::new(Lag { start: Stopwatch::start(), caught_up: None, marks: VecDeque::new() }),
            read_error: Mutex::default(),
            published: counter("tillroll_log_published_total", "Entries published to the replicated log."),
            errors: counter("tillroll_log_errors_total", "Entries that the replicated log did not accept, and interrupted reads."),
            publish_seconds: publish_seconds.unwrap_or_else(|error| panic!("invalid metric: {error}")),
        }
    }

    /// Returns how far the store has applied the log.
    pub(super) fn store(&self) -> &ReplicaStatus {
        &self.store
    }

    /// Records that the log accepted an entry.
    pub(super) fn published(&self, duration: Duration) {
        self.published.inc();
        self.publish_seconds.observe(duration.as_secs_f64());
    }

    /// Counts a failure.
    pub(super) fn failed(&self) {
        self.errors.inc();
    }

    /// Counts an interrupted read, with its reason.
    pub(super) fn read_failed(&self, reason: String) {
        self.failed();
        *self.read_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Records that the log can be read.
    pub(super) fn read_works(&self) {
        *self.read_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns why the log cannot be read.
    pub(super) fn read_error(&self) -> Option<String> {
        self.read_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records whether the log accepts entries, and returns whether that is a change.
    pub(super) fn set_available(&self, is_available: bool) -> bool {
        self.is_available.swap(is_available, Relaxed) != is_available
    }

    /// Records the newest number that the log had when it was asked at `asked`.
    pub(super) fn seen(&self, asked: Stopwatch, newest: u64) {
        self.newest.fetch_max(newest, Relaxed);
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        if lag.marks.len() < MAX_MARKS {
            lag.marks.push_back((asked, newest));
        }
    }

    /// Returns how long ago the store had everything that the log had. Before that happened for the first time: since the start, and false.
    pub(super) fn lag(&self) -> (Duration, bool) {
        let applied = self.store.applied();
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((asked, _)) = lag.marks.pop_front_if(|(_, newest)| *newest <= applied) {
            lag.caught_up = Some(asked);
        }
        (lag.caught_up.unwrap_or(lag.start).elapsed(), lag.caught_up.is_some())
    }

    /// Returns whether a request may be published.
    pub(super) fn accepts(&self) -> Result<(), StoreError> {
        self.check(MAX_REQUEST_LAG)
    }

    /// Returns whether a load balancer may send requests.
    pub(super) fn is_ready(&self) -> Result<(), StoreError> {
        self.check(MAX_LAG)
    }

    fn check(&self, max_lag: Duration) -> Result<(), StoreError> {
        if let Some(reason) = self.store.stopped() {
            return Err(StoreError::LogStopped(reason));
        }
        if !self.is_available.load(Relaxed) {
            return Err(StoreError::LogUnavailable);
        }
        let (lag, has_caught_up) = self.lag();
        if has_caught_up && lag <= max_lag { Ok(()) } else { Err(StoreError::CatchingUp) }
    }

    /// Renders the metrics of the log.
    pub(super) fn render(&self, fence: Option<u64>) -> String {
        let missing = self.newest.load(Relaxed).saturating_sub(self.store.applied());
        let mut families =
            gauge("tillroll_log_lag_entries", "Entries of the replicated log that this node has not applied.", missing as f64);
        let lag = self.lag().0.as_secs_f64();
        families.extend(gauge("tillroll_log_lag_seconds", "How long ago this node had applied the whole replicated log.", lag));
        let stopped = u8::from(self.store.stopped().is_some());
        families.extend(gauge("tillroll_log_stopped", "1 if the next entry of the replicated log cannot be applied.", stopped.into()));
        families.extend(gauge("tillroll_leader", "1 if this node is the leader of its group.", u8::from(fence.is_some()).into()));
        families.extend(gauge(
            "tillroll_leader_fence",
            "The fencing number of the term as leader; 0 without one.",
            fence.unwrap_or(0) as f64,
        ));
        families.extend(total("tillroll_log_applied_entry", "The number of the last applied entry.", self.store.applied()));
        families.extend(self.published.collect());
        families.extend(self.errors.collect());
        families.extend(self.publish_seconds.collect());
        render(&families)
    }
}
