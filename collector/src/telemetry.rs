//! Prometheus metrics of one server.
//!
//! Label values come from short fixed lists (routes, statuses, codes) and never from what a client sent, so their number is bounded.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::http::StatusCode;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, TextEncoder};

/// The upper bounds of the commit histogram's buckets, in seconds.
const COMMIT_BUCKETS_SECS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// All counters of one server.
#[derive(Debug)]
pub struct Telemetry {
    requests: IntCounterVec,
    accepted: IntCounter,
    duplicates: IntCounter,
    page_dropped: IntCounter,
    bot_events: IntCounter,
    records: IntCounter,
    rejected: IntCounterVec,
    forwarded: IntCounterVec,
    bounds_reached: IntCounterVec,
    commit_failures: IntCounter,
    trimmed: IntCounter,
    connections_open: IntGauge,
    connections_rejected: IntCounter,
    commit_seconds: Histogram,
    newest_event_at: AtomicU64,
}

/// Values that are read when the metrics are rendered.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// How many requests wait to be stored.
    pub queue_depth: usize,
    /// The free space on the disk of the data folder, in bytes, if the system reports it.
    pub disk_free_bytes: Option<u64>,
    /// The current time, in milliseconds since 1970.
    pub now: u64,
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub struct ConnectionGuard(IntGauge);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        let buckets = COMMIT_BUCKETS_SECS.to_vec();
        let commits = HistogramOpts::new("tillroll_commit_seconds", "Duration of a transaction, including its fsync.").buckets(buckets);
        Self {
            requests: counters("tillroll_requests_total", "Completed requests.", &["route", "status"]),
            accepted: counter("tillroll_events_accepted_total", "Events stored."),
            duplicates: counter("tillroll_events_duplicate_total", "Events that were stored already."),
            page_dropped: counter("tillroll_page_dropped_total", "Events that pages report as dropped."),
            bot_events: counter("tillroll_events_bot_total", "Stored events that bots sent, by their User-Agent."),
            records: counter("tillroll_records_total", "Records received from back ends."),
            rejected: counters("tillroll_events_rejected_total", "Events rejected permanently.", &["code"]),
            forwarded: counters("tillroll_forwarded_total", "Requests to forwarding targets.", &["result"]),
            bounds_reached: counters("tillroll_state_bounds_reached_total", "Additions to the state that a bound refused.", &["bound"]),
            commit_failures: counter("tillroll_commit_failures_total", "Transactions that failed."),
            trimmed: counter("tillroll_events_trimmed_total", "Events that retention deleted."),
            connections_open: valid(IntGauge::new("tillroll_connections_open", "Open connections.")),
            connections_rejected: counter("tillroll_connections_refused_total", "Connections rejected over the limit."),
            commit_seconds: valid(Histogram::with_opts(commits)),
            newest_event_at: AtomicU64::new(0),
        }
    }
}

impl Telemetry {
    /// Counts a completed request.
    pub fn answered(&self, route: &str, status: StatusCode) {
        self.requests.with_label_values(&[route, status.as_str()]).inc();
    }

    /// Counts a connection as open until the guard is dropped.
    pub fn connected(&self) -> ConnectionGuard {
        self.connections_open.inc();
        ConnectionGuard(self.connections_open.clone())
    }

    /// Counts a connection over the limit.
    pub fn connection_rejected(&self) {
        self.connections_rejected.inc();
    }

    /// Counts events that retention deleted.
    pub fn trimmed(&self, count: u64) {
        self.trimmed.inc_by(count);
    }

    /// Records that events were stored which arrived at this time, in milliseconds since 1970.
    pub fn newest_event_at(&self, received_at: u64) {
        self.newest_event_at.fetch_max(received_at, Relaxed);
    }

    /// Counts events that a page reports as dropped.
    pub fn dropped(&self, count: u64) {
        self.page_dropped.inc_by(count);
    }

    /// Counts stored events, new ones and duplicates.
    pub fn stored(&self, accepted: u64, duplicates: u64) {
        self.accepted.inc_by(accepted);
        self.duplicates.inc_by(duplicates);
    }

    /// Counts stored events that bots sent.
    pub fn bot_events(&self, accepted: u64) {
        self.bot_events.inc_by(accepted);
    }

    /// Counts records received from a back end.
    pub fn records(&self, count: u64) {
        self.records.inc_by(count);
    }

    /// Counts a request to a forwarding target by its result: `taken`, `refused`, `locked`, `retried`, `set_aside` or `dropped`.
    pub fn forwarded(&self, result: &'static str) {
        self.forwarded.with_label_values(&[result]).inc();
    }

    /// Counts additions to the state that a bound refused.
    pub fn bound_reached(&self, bound: &'static str, count: u64) {
        self.bounds_reached.with_label_values(&[bound]).inc_by(count);
    }

    /// Counts an event that was rejected permanently.
    pub fn rejected(&self, code: &'static str) {
        self.rejected.with_label_values(&[code]).inc();
    }

    /// Counts a transaction and its duration.
    pub fn committed(&self, duration: Duration) {
        self.commit_seconds.observe(duration.as_secs_f64());
    }

    /// Returns the number of transactions, and their mean duration in milliseconds.
    pub fn commits(&self) -> (u64, f64) {
        let (count, seconds) = (self.commit_seconds.get_sample_count(), self.commit_seconds.get_sample_sum());
        // Counts are far below the 52 bits of a float.
        (count, if count == 0 { 0.0 } else { seconds * 1e3 / count as f64 })
    }

    /// Counts a transaction that failed.
    pub fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    /// Renders all metrics in Prometheus' text format.
    pub fn render(&self, snapshot: &Snapshot) -> String {
        let mut families = gauge("tillroll_queue_depth", "Requests that wait to be stored.", snapshot.queue_depth as f64);
        let newest = self.newest_event_at.load(Relaxed);
        if newest > 0 {
            let age = Duration::from_millis(snapshot.now.saturating_sub(newest)).as_secs_f64();
            families.extend(gauge("tillroll_newest_event_age_seconds", "Time since the newest event was stored, since this start.", age));
        }
        if let Some(free) = snapshot.disk_free_bytes {
            families.extend(gauge("tillroll_disk_free_bytes", "Free space on the disk of the data folder.", free as f64));
        }
        for collector in self.collectors() {
            families.extend(collector.collect());
        }
        render(&families)
    }

    fn collectors(&self) -> [&dyn Collector; 14] {
        [
            &self.requests,
            &self.accepted,
            &self.duplicates,
            &self.page_dropped,
            &self.bot_events,
            &self.records,
            &self.rejected,
            &self.forwarded,
            &self.bounds_reached,
            &self.commit_failures,
            &self.trimmed,
            &self.connections_open,
            &self.connections_rejected,
            &self.commit_seconds,
        ]
    }
}

/// Renders metrics in Prometheus' text format. A counter without samples is rendered as its header, so that its name can be found.
pub(crate) fn render(families: &[MetricFamily]) -> String {
    let mut out = String::new();
    for family in families {
        if family.get_metric().is_empty() {
            let _ = writeln!(out, "# HELP {} {}\n# TYPE {} counter", family.name(), family.help(), family.name());
        } else {
            // The encoder fails only for families without metrics or names.
            let _ = TextEncoder::new().encode_utf8(std::slice::from_ref(family), &mut out);
        }
    }
    out
}

/// Returns a gauge with this value, for [`render`].
pub(crate) fn gauge(name: &str, help: &str, value: f64) -> Vec<MetricFamily> {
    let gauge = valid(Gauge::new(name, help));
    gauge.set(value);
    gauge.collect()
}

/// Returns a counter with this value, for [`render`].
pub(crate) fn total(name: &str, help: &str, value: u64) -> Vec<MetricFamily> {
    let total = counter(name, help);
    total.inc_by(value);
    total.collect()
}

fn counter(name: &str, help: &str) -> IntCounter {
    valid(IntCounter::new(name, help))
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    valid(IntCounterVec::new(Opts::new(name, help), labels))
}

/// Names and labels are constants of this program, and the tests create each of them.
fn valid<T>(metric: prometheus::Result<T>) -> T {
    metric.unwrap_or_else(|error| panic!("invalid metric: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_values_are_rendered() {
        let telemetry = Telemetry::default();
        telemetry.answered("/v2/batch", StatusCode::OK);
        telemetry.answered("/v2/batch", StatusCode::OK);
        telemetry.answered("/v2/batch", StatusCode::BAD_REQUEST);
        telemetry.stored(3, 1);
        telemetry.dropped(2);
        telemetry.rejected("unknown_type");
        telemetry.committed(Duration::from_millis(4));
        telemetry.committed(Duration::from_secs(60));
        telemetry.newest_event_at(1_000);
        let _guard = telemetry.connected();
        drop(telemetry.connected());
        let text = telemetry.render(&Snapshot { queue_depth: 7, disk_free_bytes: None, now: 2_500 });
        for line in [
            "tillroll_requests_total{route=\"/v2/batch\",status=\"200\"} 2",
            "tillroll_requests_total{route=\"/v2/batch\",status=\"400\"} 1",
            "tillroll_events_accepted_total 3",
            "tillroll_events_duplicate_total 1",
            "tillroll_page_dropped_total 2",
            "tillroll_events_rejected_total{code=\"unknown_type\"} 1",
            "# TYPE tillroll_forwarded_total counter",
            "tillroll_queue_depth 7",
            "tillroll_connections_open 1",
            "tillroll_newest_event_age_seconds 1.5",
            "tillroll_commit_seconds_bucket{le=\"0.002\"} 0",
            "tillroll_commit_seconds_bucket{le=\"0.005\"} 1",
            "tillroll_commit_seconds_bucket{le=\"+Inf\"} 2",
            "tillroll_commit_seconds_sum 60.004",
            "tillroll_commit_seconds_count 2",
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "{line}\n{text}");
        }
        assert!(!text.contains("disk_free"));
    }
}
