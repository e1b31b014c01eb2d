//! What a run with faults has shown: all collectors have everything that was acknowledged, once, are equal in every byte, and answer the same.

use std::collections::BTreeSet;
use std::time::Duration;

use tillroll_cluster::questions::{answers, count};
use tillroll_cluster::{Collector, Senders, Stored, within};

use super::faults::{Faults, KINDS};
use super::members::Members;
use super::reader::Reader;

/// How long the collectors may take to become equal after the last fault.
const MAX_CATCH_UP: Duration = Duration::from_secs(120);

/// How many wrong responses are printed.
const MAX_PRINTED: usize = 10;

/// What happened during a run.
pub(super) struct Run {
    pub(super) faults: Faults,
    pub(super) senders: Senders,
    /// The numbers of the acknowledged events.
    pub(super) acknowledged: BTreeSet<u64>,
    /// One for each collector.
    pub(super) readers: Vec<Reader>,
}

/// The verdict.
pub(super) struct Verdict {
    rows: Vec<Row>,
    acknowledged: usize,
    senders: Senders,
    faults: Faults,
    /// What was wrong during the run.
    wrong: Vec<String>,
}

/// What a collector has in the end.
struct Row {
    name: String,
    stored: Stored,
    /// Whether all its exports are those of the first collector.
    is_equal: bool,
}

impl Verdict {
    /// Waits until all collectors are equal, and compares them with what was acknowledged.
    pub(super) fn new(members: &Members, run: Run) -> Self {
        let Run { mut faults, senders, acknowledged, readers } = run;
        let exports = last_exports(&members.collectors);
        let mut wrong = senders.wrong_responses();
        wrong.append(&mut faults.wrong);
        let row = |(collector, exports_of_one): (&Collector, &Vec<String>)| Row {
            name: collector.name.clone(),
            stored: Stored::new(exports_of_one.first().map_or("", String::as_str), &acknowledged),
            is_equal: !exports_of_one.is_empty() && *exports_of_one == exports[0],
        };
        let rows = members.collectors.iter().zip(&exports).map(row).collect();
        let readers = readers.into_iter().zip(&exports);
        wrong.extend(different_reports(&members.collectors, exports[0].first().map_or(0, |events| events.lines().count())));
        wrong.extend(readers.filter_map(|(reader, exports)| reader.compare(exports.first().map_or("", String::as_str))));
        Self { rows, acknowledged: acknowledged.len(), senders, faults, wrong }
    }

    /// Prints the verdict. Returns whether nothing is lost, stored twice, different or wrong.
    pub(super) fn print(&self) -> bool {
        let Self { rows, acknowledged, senders, faults, wrong } = self;
        println!("\n{:>6}  fault", "count");
        for (kind, about) in KINDS {
            println!("{:>6}  {about}", faults.counts.get(&kind).copied().unwrap_or_default());
        }
        println!("\n{:<14} {:>10} {:>6} {:>6}  exports", "", "events", "lost", "twice");
        println!("{:<14} {acknowledged:>10}", "acknowledged");
        for Row { name, stored: Stored { events, lost, twice }, is_equal } in rows {
            let exports = if *is_equal { "equal" } else { "DIFFERENT" };
            println!("{name:<14} {events:>10} {:>6} {:>6}  {exports}", lost.len(), twice.len());
        }
        let [refused, unanswered] = [senders.refused(), senders.unanswered()];
        println!("\nrequests that were refused: {refused}, without a response: {unanswered}; wrong responses: {}", wrong.len());
        wrong.iter().take(MAX_PRINTED).for_each(|text| println!("  {text}"));
        let is_complete = |row: &Row| row.is_equal && row.stored.lost.is_empty() && row.stored.twice.is_empty();
        wrong.is_empty() && *acknowledged > 0 && rows.iter().all(is_complete)
    }
}

/// Waits until all collectors answer the same about this many events. Returns what differs if they do not.
fn different_reports(collectors: &[Collector], events: usize) -> Option<String> {
    let mut first = None;
    let is_equal = within(MAX_CATCH_UP, || {
        first = answers(&collectors[0]);
        let counts = collectors.iter().all(|collector| count(collector) == Some(events as u64));
        counts && first.is_some() && collectors.iter().all(|collector| answers(collector) == first)
    });
    (!is_equal).then(|| format!("the reports of the collectors are different, or do not count {events} events"))
}

/// Returns the exports of each collector once they are equal, or as they are after some time. A collector that does not export has none.
fn last_exports(collectors: &[Collector]) -> Vec<Vec<String>> {
    let applied = |collector: &Collector| {
        let entries = collector.metric("tillroll_log_applied_entry");
        entries.filter(|_| collector.is_ready() && collector.metric("tillroll_log_lag_entries") == Some(0.0))
    };
    let mut exports = Vec::new();
    within(MAX_CATCH_UP, || {
        let first = applied(&collectors[0]);
        if first.is_none() || !collectors.iter().all(|collector| applied(collector) == first) {
            return false;
        }
        exports = collectors.iter().map(|collector| collector.exports().unwrap_or_default()).collect();
        exports.iter().all(|of_one| *of_one == exports[0])
    });
    if exports.is_empty() {
        exports = collectors.iter().map(|collector| collector.exports().unwrap_or_default()).collect();
    }
    exports
}
