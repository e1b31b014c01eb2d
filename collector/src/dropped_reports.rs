//! Reports of pages that they dropped events: one line in the log for the first report of a project, then one a minute for the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The reports of each project since the last line in the log.
#[derive(Debug, Default)]
pub(crate) struct DroppedReports(Mutex<HashMap<i64, Sum>>);

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    reports: u64,
    events: u64,
}

impl DroppedReports {
    /// Adds the report of a page. The first one of a project in a minute is logged at once.
    pub(crate) fn add(&self, project: i64, events: u64) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sum) = sums.get_mut(&project) {
            *sum = Sum { reports: sum.reports + 1, events: sum.events.saturating_add(events) };
        } else {
            sums.insert(project, Sum::default());
            drop(sums);
            log(project, Sum { reports: 1, events });
        }
    }

    /// Logs the sums of all projects. Called once a minute.
    pub(crate) fn report(&self) {
        let sums = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (project, sum) in sums.into_iter().filter(|(_, sum)| sum.reports > 0) {
            log(project, sum);
        }
    }
}

fn log(project: i64, Sum { reports, events }: Sum) {
    tracing::warn!(project, dropped = events, reports, "pages dropped events before they could send them");
}
