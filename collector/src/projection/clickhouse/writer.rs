//! Applies changes: inserts the rows of a batch, lists those that they replace as gone, and commits with one row.

use std::collections::BTreeSet;

use crate::clock;
use crate::metrics::catalog::RecordKind;
use crate::projection::clickhouse::batch::{BLOCKS, Batch};
use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::dialect::ClickHouse;
use crate::projection::clickhouse::maintenance::Maintenance;
use crate::projection::clickhouse::snapshot::{BLOCK_BITS, Snapshot, integer, text};
use crate::projection::clickhouse::tracking;
use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::error::ProjectionError;
use crate::projection::rows::{RECORD_KINDS, Table, key, latest, record_rows, tables, tracked};
use crate::projection::source::{Position, TrackedChanges};
use crate::projection::sql::{Dialect, column_name, table_name};

/// How often a claim is repeated that another writer disputes.
const CLAIM_ATTEMPTS: u32 = 5;
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
    batch.stage(&name, tracked::record_keys(latest.iter().map(key)))?;
    let rows = record_rows(kind, &tables, &latest, || batch.number());
    batch.delete(&ClickHouse(batch.before).table(&name, None), &tracking::is_staged(batch, &name, "key"))?;
    tables.iter().zip(&rows).try_for_each(|(table, rows)| batch.insert(&table.name, &columns(table), rows))
}

fn columns(table: &Table) -> String {
    let fixed = table.fixed_columns().iter().map(|(name, _)| (*name).to_owned());
    fixed.chain(table.field_columns().map(|(name, _)| name)).collect::<Vec<_>>().join(", ")
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
