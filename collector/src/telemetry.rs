//! What an operator's Prometheus reads: counters that only grow, printed in its text format.
//!
//! Labels are taken from short fixed lists (routes, statuses, codes), never from what a caller wrote, so their number is bounded.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Upper bounds of the commit histogram, in milliseconds.
const BOUNDS_MILLIS: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000];

/// All counters of one server.
#[derive(Debug, Default)]
pub struct Telemetry {
    requests: Family,
    rejected: Family,
    accepted: AtomicU64,
    duplicates: AtomicU64,
    dropped: AtomicU64,
    of_bots: AtomicU64,
    told: AtomicU64,
    forwarded: Family,
    commits: [AtomicU64; BOUNDS_MILLIS.len()],
    commit_count: AtomicU64,
    commit_micros: AtomicU64,
    commit_failures: AtomicU64,
    turned_away: AtomicU64,
    trimmed: AtomicU64,
    newest: AtomicU64,
    open: Arc<()>,
}

/// What is known elsewhere and only printed here.
#[derive(Debug, Default)]
pub struct Gauges {
    /// How many requests wait to be stored.
    pub waiting: usize,
    /// How many bytes the disk of the data folder has free, where the system tells.
    pub free: Option<u64>,
    /// The time now, in milliseconds since 1970.
    pub now: u64,
}

/// Held while a connection is open.
#[derive(Debug)]
pub struct Open(#[expect(dead_code, reason = "it is counted and never looked at")] Arc<()>);

impl Telemetry {
    /// Counts an answered request.
    pub fn answered(&self, route: &str, status: u16) {
        self.requests.add(route, status);
    }

    /// Counts a connection until what is returned is dropped.
    pub fn connected(&self) -> Open {
        Open(Arc::clone(&self.open))
    }

    /// Counts a connection that found no room.
    pub fn turned_away(&self) {
        self.turned_away.fetch_add(1, Relaxed);
    }

    /// Counts events whose time in the log was over.
    pub fn trimmed(&self, count: u64) {
        self.trimmed.fetch_add(count, Relaxed);
    }

    /// Notes that events were stored that had come at this time, in milliseconds since 1970.
    pub fn newest(&self, received_at: u64) {
        self.newest.fetch_max(received_at, Relaxed);
    }

    /// Counts events that pages lost before they were taken, as far as they say so.
    pub fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Relaxed);
    }

    /// Counts stored events.
    pub fn stored(&self, accepted: u64, duplicates: u64) {
        self.accepted.fetch_add(accepted, Relaxed);
        self.duplicates.fetch_add(duplicates, Relaxed);
    }

    /// Counts stored events of programs that read shops.
    pub fn stored_of_bots(&self, accepted: u64) {
        self.of_bots.fetch_add(accepted, Relaxed);
    }

    /// Counts records that a back end told of.
    pub fn told(&self, count: u64) {
        self.told.fetch_add(count, Relaxed);
    }

    /// Counts what came of a request to the server that events are forwarded to: `taken`, `refused`, `locked` or `retried`.
    pub fn forwarded(&self, result: &'static str) {
        self.forwarded.add(result, 0);
    }

    /// Counts an event that will never be stored.
    pub fn rejected(&self, code: &'static str) {
        self.rejected.add(code, 0);
    }

    /// Counts a transaction and how long it took.
    pub fn committed(&self, took: Duration) {
        self.commit_count.fetch_add(1, Relaxed);
        self.commit_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        let within = BOUNDS_MILLIS.iter().position(|&bound| took <= Duration::from_millis(bound));
        if let Some(bucket) = within.and_then(|at| self.commits.get(at)) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// Counts a transaction that failed.
    pub fn commit_failed(&self) {
        self.commit_failures.fetch_add(1, Relaxed);
    }

    /// Prints everything.
    pub fn print(&self, gauges: &Gauges) -> String {
        let mut out = String::new();
        head(&mut out, "tillroll_requests_total", "counter", "Answered requests.");
        self.requests.each(|route, status, count| {
            let _ = writeln!(out, "tillroll_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}");
        });
        plain(&mut out, "tillroll_events_accepted_total", "counter", "Events stored.", self.accepted.load(Relaxed));
        plain(&mut out, "tillroll_events_duplicate_total", "counter", "Events stored before.", self.duplicates.load(Relaxed));
        plain(&mut out, "tillroll_page_dropped_total", "counter", "Events that pages lost, as they say.", self.dropped.load(Relaxed));
        let of_bots = self.of_bots.load(Relaxed);
        plain(&mut out, "tillroll_events_bot_total", "counter", "Events stored that bots sent, by their own word.", of_bots);
        plain(&mut out, "tillroll_records_total", "counter", "Records told by back ends.", self.told.load(Relaxed));
        head(&mut out, "tillroll_events_rejected_total", "counter", "Events refused for good.");
        self.rejected.each(|code, _, count| {
            let _ = writeln!(out, "tillroll_events_rejected_total{{code=\"{code}\"}} {count}");
        });
        head(&mut out, "tillroll_forwarded_total", "counter", "Requests to the server that events are forwarded to.");
        self.forwarded.each(|result, _, count| {
            let _ = writeln!(out, "tillroll_forwarded_total{{result=\"{result}\"}} {count}");
        });
        plain(&mut out, "tillroll_commit_failures_total", "counter", "Transactions that failed.", self.commit_failures.load(Relaxed));
        plain(&mut out, "tillroll_queue_depth", "gauge", "Requests that wait to be stored.", gauges.waiting as u64);
        plain(&mut out, "tillroll_events_trimmed_total", "counter", "Events whose time in the log was over.", self.trimmed.load(Relaxed));
        let open = Arc::strong_count(&self.open) as u64 - 1;
        plain(&mut out, "tillroll_connections_open", "gauge", "Connections that are open.", open);
        let away = self.turned_away.load(Relaxed);
        plain(&mut out, "tillroll_connections_refused_total", "counter", "Connections that found no room.", away);
        self.print_freshness(&mut out, gauges);
        self.print_commits(&mut out);
        out
    }

    fn print_freshness(&self, out: &mut String, gauges: &Gauges) {
        let newest = self.newest.load(Relaxed);
        if newest > 0 {
            head(out, "tillroll_newest_event_age_seconds", "gauge", "How long ago the newest stored event came, since this start.");
            let age = gauges.now.saturating_sub(newest);
            let _ = writeln!(out, "tillroll_newest_event_age_seconds {}", seconds(age.saturating_mul(1_000)));
        }
        if let Some(free) = gauges.free {
            plain(out, "tillroll_disk_free_bytes", "gauge", "Free room on the disk of the data folder.", free);
        }
    }

    fn print_commits(&self, out: &mut String) {
        head(out, "tillroll_commit_seconds", "histogram", "How long a transaction took, its fsync included.");
        let mut below = 0;
        for (bound, bucket) in BOUNDS_MILLIS.iter().zip(&self.commits) {
            below += bucket.load(Relaxed);
            let _ = writeln!(out, "tillroll_commit_seconds_bucket{{le=\"{}\"}} {below}", seconds(bound * 1_000));
        }
        let count = self.commit_count.load(Relaxed);
        let _ = writeln!(out, "tillroll_commit_seconds_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "tillroll_commit_seconds_sum {}", seconds(self.commit_micros.load(Relaxed)));
        let _ = writeln!(out, "tillroll_commit_seconds_count {count}");
    }
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

fn head(out: &mut String, name: &str, kind: &str, text: &str) {
    let _ = writeln!(out, "# HELP {name} {text}\n# TYPE {name} {kind}");
}

/// Prints a number that has no labels.
pub(crate) fn plain(out: &mut String, name: &str, kind: &str, text: &str, value: impl std::fmt::Display) {
    head(out, name, kind, text);
    let _ = writeln!(out, "{name} {value}");
}

/// Counters told apart by a route, or by another name, and by a status.
///
/// A label that was seen before costs a shared lock and an addition.
#[derive(Debug, Default)]
struct Family(RwLock<BTreeMap<String, BTreeMap<u16, AtomicU64>>>);

impl Family {
    fn add(&self, name: &str, status: u16) {
        if let Some(count) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).and_then(|counts| counts.get(&status)) {
            count.fetch_add(1, Relaxed);
            return;
        }
        let mut counts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        counts.entry(name.to_owned()).or_default().entry(status).or_default().fetch_add(1, Relaxed);
    }

    fn each(&self, mut visit: impl FnMut(&str, u16, u64)) {
        for (name, counts) in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            for (status, count) in counts {
                visit(name, *status, count.load(Relaxed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_printed() {
        let telemetry = Telemetry::default();
        telemetry.answered("/v2/batch", 200);
        telemetry.answered("/v2/batch", 200);
        telemetry.answered("/v2/batch", 400);
        telemetry.stored(3, 1);
        telemetry.dropped(2);
        telemetry.rejected("unknown_type");
        telemetry.committed(Duration::from_millis(4));
        telemetry.committed(Duration::from_secs(60));
        telemetry.newest(1_000);
        let _open = telemetry.connected();
        let text = telemetry.print(&Gauges { waiting: 7, free: None, now: 2_500 });
        for line in [
            "tillroll_requests_total{route=\"/v2/batch\",status=\"200\"} 2",
            "tillroll_requests_total{route=\"/v2/batch\",status=\"400\"} 1",
            "tillroll_events_accepted_total 3",
            "tillroll_events_duplicate_total 1",
            "tillroll_page_dropped_total 2",
            "tillroll_events_rejected_total{code=\"unknown_type\"} 1",
            "tillroll_queue_depth 7",
            "tillroll_connections_open 1",
            "tillroll_newest_event_age_seconds 1.5",
            "tillroll_commit_seconds_bucket{le=\"0.002\"} 0",
            "tillroll_commit_seconds_bucket{le=\"0.005\"} 1",
            "tillroll_commit_seconds_bucket{le=\"+Inf\"} 2",
            "tillroll_commit_seconds_sum 60.004",
            "tillroll_commit_seconds_count 2",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
        }
    }
}
