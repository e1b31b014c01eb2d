//! Applies changes: inserts the rows of a batch, lists those that they replace as gone, and commits with one row.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread::ScopedJoinHandle;

use crate::clock;
use crate::metrics::catalog::RecordKind;
use crate::metrics::document::Record;
use crate::projection::clickhouse::batch::{BLOCKS, Batch};
use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::dialect::ClickHouse;
use crate::projection::clickhouse::maintenance::Maintenance;
use crate::projection::clickhouse::snapshot::{BLOCK_BITS, Snapshot, integer, text};
use crate::projection::clickhouse::tracking;
use crate::projection::document::{Document, JsonText, ProductKey, RecordKey};
use crate::projection::error::ProjectionError;
use crate::projection::rows::{ColumnValue, RECORD_KINDS, Table, key, latest, record_rows, tables, tracked};
use crate::projection::source::{Position, TrackedChanges};
use crate::projection::sql::{Dialect, column_name, table_name};

/// How often a claim is repeated that another writer disputes.
const CLAIM_ATTEMPTS: u32 = 5;
/// How many threads make rows of documents, at most.
const MAX_THREADS: usize = 4;
/// A thread costs more than to make the rows of so few documents.
const MIN_PART: usize = 500;
const COMMIT_COLUMNS: &str = "block, owner, is_claim, continues, change_position, event_position, trimmed, fingerprint";

/// The only writer of the database, as long as no other one makes a claim.
pub(super) struct Writer {
    /// What counts since the last commit or the claim.
    snapshot: Snapshot,
    next_visit: i64,
    maintenance: Maintenance,
}

impl Writer {
    /// Claims a range of blocks. What other writers write from now on does not count. The tables have this fingerprint.
    pub(super) fn claim(client: &Client, fingerprint: &str) -> Result<Self, ProjectionError> {
        let owner = clock::random_hex::<16>().map_err(no_random)?;
        for _ in 0..CLAIM_ATTEMPTS {
            let last = Snapshot::read(client)?.unwrap_or_default();
            let block = ((last.block >> BLOCK_BITS) + 1) << BLOCK_BITS;
            let claimed = Snapshot { block, owner: owner.clone(), fingerprint: fingerprint.to_owned(), ..last };
            let claim = commit_row(&claimed, Some(last.block));
            client.insert("projection", COMMIT_COLUMNS, claim)?;
            let rows = client.query(&format!("SELECT owner FROM projection WHERE block = {block}"), &[], "")?;
            // If two writers claim the same range, each may miss the other's row, but not both, and neither who sees two goes on.
            if rows.len() == 1 && rows.iter().all(|row| text(row, 0) == owner) {
                let Some(snapshot) = Snapshot::read(client)?.filter(|snapshot| snapshot.block == block) else { continue };
                let visits = ClickHouse(&snapshot).table("visits", None);
                let newest = client.query(&format!("SELECT max(number) FROM {visits} v"), &[], "")?;
                let next_visit = 1 + newest.first().map_or(0, |row| integer(row, 0));
                return Ok(Self { snapshot, next_visit, maintenance: Maintenance::default() });
            }
        }
        Err(ProjectionError::Unavailable("another collector writes into this database".into()))
    }

    /// Returns what counts since the last commit or the claim.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the watermark.
    pub(super) fn position(&self) -> Position {
        self.snapshot.position
    }

    /// Applies changes and the watermark. After an error the writer must not be used again.
    pub(super) fn apply(
        &mut self,
        client: &Client,
        documents: &[Document],
        changes: &TrackedChanges,
        watermark: Position,
    ) -> Result<(), ProjectionError> {
        self.snapshot.check(client)?;
        let block = self.snapshot.block + 1;
        if block >> BLOCK_BITS != (block + BLOCKS) >> BLOCK_BITS {
            // The range is used up: the next writer claims another one.
            return Err(ProjectionError::Moved);
        }
        let mut batch = Batch::new(client, &self.snapshot, block);
        for kind in RECORD_KINDS {
            write_documents(&mut batch, kind, documents)?;
        }
        let mut next_visit = self.next_visit;
        tracking::apply(&mut batch, changes, &mut next_visit)?;
        let trimmed = watermark.trimmed.max(self.snapshot.position.trimmed);
        let position = Position { trimmed, ..watermark };
        let next = Snapshot { position, ..batch.after };
        client.insert("projection", COMMIT_COLUMNS, commit_row(&next, None))?;
        self.snapshot = next;
        self.next_visit = next_visit;
        // A commit after another writer's claim does not count.
        self.snapshot.check(client)?;
        let has_erased = !changes.erased.is_empty() || changes.is_reset;
        if let Err(error) = self.maintenance.run(client, &self.snapshot, has_erased) {
            // Nothing is wrong yet; it is repeated.
            tracing::warn!(?error, "cannot remove old rows from the analytics database");
        }
        Ok(())
    }

    /// See [`AnalyticsEngine::records_with_products`](crate::projection::AnalyticsEngine::records_with_products).
    pub(super) fn records_with_products(
        &self,
        client: &Client,
        products: &BTreeSet<ProductKey>,
    ) -> Result<Vec<RecordKey>, ProjectionError> {
        // The numbers of batches are positive.
        let mut batch = Batch::new(client, &self.snapshot, 0);
        batch.after.block = -i64::from(u32::from_ne_bytes(clock::random().map_err(no_random)?)) - 1;
        batch.stage("lookup", tracked::record_keys(products.iter().map(|(project, item)| (*project, item.as_str()))))?;
        let mut found = Vec::new();
        for (kind, array, item) in [
            (RecordKind::Orders, "line_items", "line_items.item_id"),
            (RecordKind::Returns, "return_line_items", "return_line_items.item_id"),
        ] {
            let find = format!(
                "SELECT DISTINCT d.project, d.key FROM {} d WHERE d.doc IN (
                     SELECT l.doc FROM {} l WHERE tuple(l.project, l.{}) IN (SELECT s.project, s.key FROM {} s))",
                ClickHouse(&self.snapshot).table(&table_name(kind, None), None),
                table_name(kind, Some(array)),
                column_name(item),
                batch.staged("lookup"),
            );
            let rows = client.query(&find, &[], "")?;
            found.extend(rows.iter().map(|row| (kind, integer(row, 0), text(row, 1))));
        }
        Ok(found)
    }
}

fn write_documents(batch: &mut Batch<'_>, kind: RecordKind, documents: &[Document]) -> Result<(), ProjectionError> {
    let latest = latest(documents, kind);
    if latest.is_empty() {
        return Ok(());
    }
    let (name, tables) = (table_name(kind, None), tables(kind));
    let parts = parts(&latest).map(|part| (part, batch.numbers(part.len()))).collect::<Vec<_>>();
    let (batch, tables) = (&*batch, tables.as_slice());
    // The rows are made while the database finds those that they replace.
    let (replaced, rows) = std::thread::scope(|scope| {
        let replaced = scope.spawn(|| replace_documents(batch, &name, &latest));
        let whole = |_: &JsonText, _: &str, record: &Record| ColumnValue::Document(record.to_json());
        let rows = move |part: &[&Document], mut numbers: Range<i64>| {
            let mut rows = vec![Vec::new(); tables.len()];
            record_rows(kind, tables, part, || numbers.next().unwrap_or_default(), whole, &mut rows);
            rows
        };
        let rows = parts.into_iter().map(|(part, numbers)| scope.spawn(move || rows(part, numbers)));
        let rows: Vec<_> = rows.collect::<Vec<_>>().into_iter().map(join).collect();
        (join(replaced), rows)
    });
    replaced?;
    let of_table = |at: usize| rows.iter().filter_map(|part| part.get(at)).map(Vec::as_slice).collect::<Vec<_>>();
    let of_tables: Vec<_> = (0..tables.len()).map(of_table).collect();
    std::thread::scope(|scope| {
        let inserts = tables.iter().zip(&of_tables).filter(|(_, rows)| rows.iter().any(|part| !part.is_empty()));
        let inserts = inserts.map(|(table, rows)| scope.spawn(move || batch.insert(&table.name, &columns(table), rows)));
        inserts.collect::<Vec<_>>().into_iter().try_for_each(join)
    })
}

/// Lists the rows of changed documents as gone.
fn replace_documents(batch: &Batch<'_>, name: &str, changed: &[&Document]) -> Result<(), ProjectionError> {
    batch.stage(name, tracked::record_keys(changed.iter().map(key)))?;
    batch.delete(&ClickHouse(batch.before).table(name, None), &tracking::is_staged(batch, name, "key"))
}

/// Returns about equal parts of documents, one for each thread that makes rows of them.
fn parts<'a, 'b>(documents: &'a [&'b Document]) -> impl Iterator<Item = &'a [&'b Document]> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    documents.chunks(documents.len().div_ceil(threads).max(MIN_PART))
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

fn columns(table: &Table) -> String {
    table.column_names().collect::<Vec<_>>().join(", ")
}

/// Returns the row of a commit, or of a claim that continues from a block.
fn commit_row(committed: &Snapshot, continues: Option<i64>) -> String {
    let Snapshot { block, owner, position: Position { change, event, trimmed }, fingerprint, .. } = committed;
    let is_claim = continues.is_some();
    let values = serde_json::json!([block, owner, is_claim, continues.unwrap_or(*block), change, event, trimmed, fingerprint]);
    format!("{values}\n")
}

fn no_random(error: std::io::Error) -> ProjectionError {
    ProjectionError::Engine(error.to_string())
}
