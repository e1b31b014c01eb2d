//! Removes rows that no longer count from the disk.
//!
//! A query reads tables one after the other. So a row leaves the table `gone` long after the row that it names: no running query can see the
//! one without the other.

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::schema::numbered_tables;
use crate::projection::clickhouse::snapshot::{PLACE_BITS, Snapshot, integer, text};
use crate::projection::error::ProjectionError;

/// How often rows are removed. Longer than any query runs.
const INTERVAL: Duration = Duration::from_secs(600);

/// When rows were removed.
#[derive(Default)]
pub(super) struct Maintenance {
    last: Option<(Stopwatch, Snapshot)>,
}

impl Maintenance {
    /// Removes rows if it is time. Those of erased persons are removed at once.
    pub(super) fn run(&mut self, client: &Client, snapshot: &Snapshot, has_erased: bool) -> Result<(), ProjectionError> {
        let is_due = self.last.as_ref().is_some_and(|(since, _)| since.elapsed() >= INTERVAL);
        if has_erased || is_due {
            remove_rows(client, snapshot)?;
        }
        if is_due && let Some((_, before)) = &self.last {
            remove_names(client, before)?;
        }
        if is_due || self.last.is_none() {
            self.last = Some((Stopwatch::start(), snapshot.clone()));
        }
        Ok(())
    }
}

/// Starts to remove rows that are listed as gone, that have expired, or that failed batches have left.
fn remove_rows(client: &Client, snapshot: &Snapshot) -> Result<(), ProjectionError> {
    let tables: Vec<_> = numbered_tables().into_iter().map(|table| (condition(snapshot, &table), table)).collect();
    let counts: Vec<_> = tables
        .iter()
        .map(|(condition, table)| format!("SELECT '{table}' AS name, count() AS rows FROM {table} WHERE {condition}"))
        .collect();
    let found = client.query(&counts.join(" UNION ALL "), &[], "")?;
    for row in found.iter().filter(|row| integer(row, 1) > 0) {
        if let Some((condition, table)) = tables.iter().find(|(_, table)| *table == text(row, 0)) {
            client.execute(&format!("ALTER TABLE {table} DELETE WHERE {condition}"))?;
        }
    }
    // Only a batch that is being written needs its keys, and none is.
    client.execute(&format!("ALTER TABLE changed DELETE WHERE at < {}", (snapshot.block + 1) << PLACE_BITS))
}

/// Returns the condition that a row of a table can be removed.
fn condition(snapshot: &Snapshot, table: &str) -> String {
    let mut conditions = vec![format!("doc IN (SELECT doc FROM gone WHERE {})", snapshot.counts("at"))];
    let gap = |(from, until): &(i64, i64)| format!("(doc >= {} AND doc < {})", from << PLACE_BITS, until << PLACE_BITS);
    conditions.extend(snapshot.gaps.iter().map(gap));
    conditions.extend((table == "events").then(|| format!("seq <= {}", snapshot.position.trimmed)));
    conditions.join(" OR ")
}

/// Removes the names of rows that were removed before this snapshot, and old commits.
fn remove_names(client: &Client, before: &Snapshot) -> Result<(), ProjectionError> {
    let unfinished = "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done";
    if client.query(unfinished, &[], "")?.first().is_some_and(|row| integer(row, 0) > 0) {
        return Ok(());
    }
    let at = (before.block + 1) << PLACE_BITS;
    client.execute(&format!("ALTER TABLE gone DELETE WHERE at < {at}"))?;
    // A statement of a failed batch ends within minutes; after a day its gap is empty. Claims of one range leave together: which of them counts
    // depends on all.
    let is_old = "written_at < now() - INTERVAL 1 DAY";
    client.execute(&format!(
        "ALTER TABLE projection DELETE WHERE block < {} AND {is_old}
             AND block NOT IN (SELECT block FROM projection WHERE is_claim AND NOT {is_old})",
        before.block
    ))
}
