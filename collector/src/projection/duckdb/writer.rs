//! Applies changes: one transaction deletes the old rows of each changed document, appends the new ones and sets the watermark.

use std::collections::{BTreeSet, HashMap};

use duckdb::types::{TimeUnit, Value as Sql};
use duckdb::{Connection, params};
use serde_json::{Map, Value};

use crate::metrics::catalog::{FieldType, RecordKind, parent};
use crate::metrics::document;
use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::duckdb::append::{self, replace_temporary};
use crate::projection::duckdb::schema::{RECORD_KINDS, Table, tables};
use crate::projection::duckdb::sql::table;
use crate::projection::duckdb::tracking_writer::TrackingWriter;
use crate::projection::source::{Position, TrackedChanges};
use crate::time;

/// The writing connection.
pub(super) struct Writer {
    connection: Connection,
    next_doc: i64,
    tracking: TrackingWriter,
}

/// The last change of each record in a batch, by project and key.
type Latest<'a> = HashMap<(i64, &'a str), Option<&'a str>>;

impl Writer {
    pub(super) fn new(connection: Connection) -> duckdb::Result<Self> {
        let mut next = 0;
        for kind in RECORD_KINDS {
            let sql = format!("SELECT coalesce(max(doc), 0) FROM {}", table(kind, None));
            next = next.max(connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?);
        }
        connection.execute_batch(
            "CREATE TEMP TABLE changed (project BIGINT, key VARCHAR); CREATE TEMP TABLE deleted (doc BIGINT);
             CREATE TEMP TABLE product (project BIGINT, item VARCHAR);",
        )?;
        let tracking = TrackingWriter::new(&connection)?;
        Ok(Self { connection, next_doc: next + 1, tracking })
    }

    pub(super) fn apply(&mut self, documents: &[Document], tracked: &TrackedChanges, watermark: Position) -> duckdb::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut next = self.next_doc;
        for kind in RECORD_KINDS {
            let mut latest = Latest::new();
            for document in documents.iter().filter(|document| document.record_kind == kind) {
                latest.insert((document.project, &document.key), document.json.as_deref());
            }
            if !latest.is_empty() {
                let tables = tables(kind);
                remove(&transaction, &tables, &latest)?;
                next = append(&transaction, kind, &tables, &latest, next)?;
            }
        }
        self.tracking.apply(&transaction, tracked)?;
        let Position { change, event, trimmed } = watermark;
        let update = "UPDATE projection SET watermark = ?, event_watermark = ?, trimmed_until = ?";
        transaction.execute(update, params![change, event, trimmed])?;
        transaction.commit()?;
        self.next_doc = next;
        Ok(())
    }

    /// See [`AnalyticsEngine::records_with_products`](crate::projection::AnalyticsEngine::records_with_products).
    pub(super) fn records_with_products(&mut self, products: &BTreeSet<ProductKey>) -> duckdb::Result<Vec<RecordKey>> {
        let rows = products.iter().map(|(project, item)| vec![Sql::BigInt(*project), Sql::Text(item.clone())]);
        replace_temporary(&self.connection, "product", rows)?;
        let mut found = Vec::new();
        for (kind, array, item) in [
            (RecordKind::Orders, "line_items", "line_items.item_id"),
            (RecordKind::Returns, "return_line_items", "return_line_items.item_id"),
        ] {
            let find = format!(
                "SELECT DISTINCT d.project, d.key FROM {} d JOIN {} l ON l.doc = d.doc
                 JOIN product p ON p.project = d.project AND p.item = l.\"{item}\"",
                table(kind, None),
                table(kind, Some(array)),
            );
            let mut statement = self.connection.prepare(&find)?;
            let rows = statement.query_map([], |row| Ok((kind, row.get(0)?, row.get(1)?)))?;
            found.extend(rows.collect::<duckdb::Result<Vec<_>>>()?);
        }
        Ok(found)
    }
}

fn remove(connection: &Connection, tables: &[Table], latest: &Latest<'_>) -> duckdb::Result<()> {
    let Some(documents) = tables.first() else { return Ok(()) };
    connection.execute_batch("DELETE FROM deleted")?;
    let rows = latest.keys().map(|(project, key)| vec![Sql::BigInt(*project), Sql::Text((*key).into())]);
    replace_temporary(connection, "changed", rows)?;
    let find =
        format!("INSERT INTO deleted SELECT d.doc FROM \"{}\" d JOIN changed c ON d.project = c.project AND d.key = c.key", documents.name);
    if connection.execute(&find, [])? > 0 {
        for table in tables {
            connection.execute(&format!("DELETE FROM \"{}\" WHERE doc IN (SELECT doc FROM deleted)", table.name), [])?;
        }
    }
    Ok(())
}

fn append(connection: &Connection, kind: RecordKind, tables: &[Table], latest: &Latest<'_>, mut next: i64) -> duckdb::Result<i64> {
    let mut rows: Vec<_> = tables.iter().map(|table| (table, Vec::new())).collect();
    for ((project, key), json) in latest {
        let Some(json) = json else { continue };
        let Some(valid) = serde_json::from_str(json).ok().and_then(|value| document::validate_lenient(kind, &value)) else {
            tracing::error!(key, "a stored record is not valid and is missing in the projection");
            continue;
        };
        Rows { kind, project: *project, key, doc: next, record: &valid.json }.append(&mut rows);
        next += 1;
    }
    for (table, rows) in &rows {
        append::append(connection, &table.name, rows)?;
    }
    Ok(next)
}

/// The rows of one document.
struct Rows<'a> {
    kind: RecordKind,
    project: i64,
    key: &'a str,
    doc: i64,
    record: &'a Map<String, Value>,
}

impl Rows<'_> {
    fn append(&self, rows: &mut [(&Table, Vec<Vec<Sql>>)]) {
        for (table, rows) in rows {
            match table.array {
                None => rows.push(self.document(table)),
                Some(array) => match parent(array) {
                    None => self.elements(table, rows, array),
                    Some(outer) => self.nested(table, rows, outer, array),
                },
            }
        }
    }

    fn document(&self, table: &Table) -> Vec<Sql> {
        let mut row = vec![Sql::BigInt(self.doc), Sql::BigInt(self.project), Sql::Text(self.key.into())];
        if self.kind == RecordKind::Orders {
            row.push(Sql::Boolean(document::is_cart(self.record)));
        }
        let json = serde_json::to_string(self.record).unwrap_or_default();
        row.extend([Sql::Text(json), Sql::Text(document::lines(self.record).join("\n"))]);
        with_columns(table, row, self.record)
    }

    fn elements(&self, table: &Table, rows: &mut Vec<Vec<Sql>>, array: &str) {
        for (item, element) in (0..).zip(objects(self.record, array)) {
            rows.push(with_columns(table, vec![Sql::BigInt(self.doc), Sql::Int(item)], element));
        }
    }

    fn nested(&self, table: &Table, rows: &mut Vec<Vec<Sql>>, outer: &str, array: &str) {
        let name = array.get(outer.len() + 1..).unwrap_or_default();
        let parents = (0..).zip(objects(self.record, outer));
        let elements = parents.flat_map(|(parent, object)| objects(object, name).map(move |element| (parent, element)));
        for (item, (parent, element)) in (0..).zip(elements) {
            rows.push(with_columns(table, vec![Sql::BigInt(self.doc), Sql::Int(item), Sql::Int(parent)], element));
        }
    }
}

fn objects<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// Adds the table's columns to the fixed ones of a row.
fn with_columns(table: &Table, mut row: Vec<Sql>, object: &Map<String, Value>) -> Vec<Sql> {
    row.extend(table.columns.iter().map(|(field, path)| {
        let (last, before) = path.split_last().unwrap_or((&"", &[]));
        let owner = before.iter().try_fold(object, |object, name| object.get(*name)?.as_object());
        owner.and_then(|owner| owner.get(*last)).map_or(Sql::Null, |value| cell(field.kind, value))
    }));
    row
}

/// Converts a canonical value, which always has the type of its field.
fn cell(kind: FieldType, value: &Value) -> Sql {
    let cell = match kind {
        FieldType::Text | FieldType::Organization | FieldType::Texts => value.as_str().map(|text| Sql::Text(text.into())),
        FieldType::Bool => value.as_bool().map(Sql::Boolean),
        FieldType::Integer => value.as_i64().map(Sql::BigInt),
        FieldType::Number | FieldType::Amount => document::millionths(value).map(Sql::BigInt),
        FieldType::Timestamp => {
            let read = value.as_str().and_then(time::parse_rfc3339);
            read.map(|read| Sql::Timestamp(TimeUnit::Microsecond, read.millis * 1000))
        }
    };
    cell.unwrap_or(Sql::Null)
}
