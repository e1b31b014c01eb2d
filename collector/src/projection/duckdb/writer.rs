//! Applies changes: one transaction deletes the old rows of each changed document, appends the new ones and sets the watermark.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use duckdb::{Connection, InterruptHandle, params};

use crate::metrics::catalog::RecordKind;
use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::duckdb::append::{append_used, replace_temporary};
use crate::projection::duckdb::attribution::{self, OutdatedOrders};
use crate::projection::duckdb::columns::Columns;
use crate::projection::duckdb::packed;
use crate::projection::duckdb::tracking_writer::TrackingWriter;
use crate::projection::rows::{RECORD_KINDS, Table, key, latest, record_rows, tables, tracked};
use crate::projection::source::{Position, TrackedChanges};
use crate::projection::sql::{column_name, table_name};

/// How many records are rows in memory at a time: their rows take several times the memory of their text.
const CONVERTED_RECORDS: usize = 2_048;

/// The writing connection.
pub(super) struct Writer {
    connection: Connection,
    next_doc: i64,
    tracking: TrackingWriter,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> duckdb::Result<Self> {
        let mut next = 0;
        for kind in RECORD_KINDS {
            let sql = format!("SELECT coalesce(max(doc), 0) FROM {}", table_name(kind, None));
            next = next.max(connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?);
        }
        connection.execute_batch(
            "CREATE TEMP TABLE changed (project BIGINT, key VARCHAR); CREATE TEMP TABLE deleted (doc BIGINT);
             CREATE TEMP TABLE product (project BIGINT, item VARCHAR);",
        )?;
        connection.execute_batch(attribution::TEMPORARY)?;
        let tracking = TrackingWriter::new(&connection)?;
        Ok(Self { connection, next_doc: next + 1, tracking })
    }

    pub(super) fn apply(&mut self, documents: &[Document], tracked: &TrackedChanges, watermark: Position) -> duckdb::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let outdated = OutdatedOrders::new(&transaction)?;
        let mut next = self.next_doc;
        for kind in RECORD_KINDS {
            let latest = latest(documents, kind);
            if !latest.is_empty() {
                let tables = tables(kind);
                if remove(&transaction, &tables, &latest)? {
                    outdated.add_deleted()?;
                }
                append(&transaction, kind, &tables, &latest, &mut next)?;
            }
        }
        self.tracking.apply(&transaction, tracked, &outdated)?;
        outdated.delete(self.next_doc)?;
        let Position { change, event, trimmed } = watermark;
        let update = "UPDATE projection SET watermark = ?, event_watermark = ?, trimmed_until = ?";
        transaction.execute(update, params![change, event, trimmed])?;
        transaction.commit()?;
        self.next_doc = next;
        Ok(())
    }

    /// Computes a part of what is missing of the attribution of orders. Returns whether nothing is missing any more.
    pub(super) fn add_attribution(&self, days: u32) -> duckdb::Result<bool> {
        attribution::add_missing(&self.connection, days)
    }

    /// Returns what interrupts the writing connection.
    pub(super) fn interrupt_handle(&self) -> Arc<InterruptHandle> {
        self.connection.interrupt_handle()
    }

    /// See [`AnalyticsEngine::records_with_products`](crate::projection::AnalyticsEngine::records_with_products).
    pub(super) fn records_with_products(&mut self, products: &BTreeSet<ProductKey>) -> duckdb::Result<Vec<RecordKey>> {
        replace_temporary(
            &self.connection,
            "product",
            tracked::record_keys(products.iter().map(|(project, item)| (*project, item.as_str()))),
        )?;
        let mut found = Vec::new();
        for (kind, array, item) in [
            (RecordKind::Orders, "line_items", "line_items.item_id"),
            (RecordKind::Returns, "return_line_items", "return_line_items.item_id"),
        ] {
            let find = format!(
                "SELECT DISTINCT d.project, d.key FROM {} d JOIN {} l ON l.doc = d.doc
                 JOIN product p ON p.project = d.project AND p.item = l.{}",
                table_name(kind, None),
                table_name(kind, Some(array)),
                column_name(item),
            );
            let mut statement = self.connection.prepare(&find)?;
            let rows = statement.query_map([], |row| Ok((kind, row.get(0)?, row.get(1)?)))?;
            found.extend(rows.collect::<duckdb::Result<Vec<_>>>()?);
        }
        Ok(found)
    }
}

/// Fills `deleted` with the old rows' documents and deletes these rows. Returns whether there are any.
fn remove(connection: &Connection, tables: &[Table], latest: &[&Document]) -> duckdb::Result<bool> {
    let Some(documents) = tables.first() else { return Ok(false) };
    connection.execute_batch("DELETE FROM deleted")?;
    replace_temporary(connection, "changed", tracked::record_keys(latest.iter().map(key)))?;
    let find =
        format!("INSERT INTO deleted SELECT d.doc FROM {} d JOIN changed c ON d.project = c.project AND d.key = c.key", documents.name);
    let is_known = connection.execute(&find, [])? > 0;
    if is_known {
        for table in tables {
            connection.execute(&format!("DELETE FROM {} WHERE doc IN (SELECT doc FROM deleted)", table.name), [])?;
        }
    }
    Ok(is_known)
}

fn append(connection: &Connection, kind: RecordKind, tables: &[Table], latest: &[&Document], next: &mut i64) -> duckdb::Result<()> {
    let names: Vec<Vec<_>> = tables.iter().map(|table| table.column_names().collect()).collect();
    let names = names.as_slice();
    std::thread::scope(|scope| {
        // A part is converted while the one before it is appended.
        let (converted, parts) = sync_channel(0);
        scope.spawn(move || {
            let mut next_doc = || {
                *next += 1;
                *next - 1
            };
            for part in latest.chunks(CONVERTED_RECORDS) {
                let mut columns: Vec<_> = names.iter().map(|names| Columns::new(names.len())).collect();
                record_rows(kind, tables, part, &mut next_doc, packed::whole, &mut columns);
                // After an error the other end is closed.
                if converted.send(columns).is_err() {
                    break;
                }
            }
        });
        parts.into_iter().try_for_each(|columns| {
            let mut of_tables = tables.iter().zip(names).zip(columns);
            of_tables.try_for_each(|((table, names), columns)| append_used(connection, &table.name, names, columns))
        })
    })
}
