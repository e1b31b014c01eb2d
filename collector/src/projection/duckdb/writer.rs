//! Applies changes: one transaction deletes the old rows of each changed document, appends the new ones and sets the watermarks.

use std::collections::HashMap;

use duckdb::types::{TimeUnit, Value as Sql};
use duckdb::{Appender, Connection, appender_params_from_iter, params};
use serde_json::{Map, Value};

use crate::metrics::catalog::{FieldType, RecordKind, parent};
use crate::metrics::document;
use crate::projection::document::{Document, Watermarks};
use crate::projection::duckdb::schema::{RECORD_KINDS, Table, tables};
use crate::projection::duckdb::sql::table;
use crate::time;

/// The writing connection.
pub(super) struct Writer {
    connection: Connection,
    next_doc: i64,
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
        Ok(Self { connection, next_doc: next + 1 })
    }

    pub(super) fn apply(&mut self, documents: &[Document], watermarks: Watermarks) -> duckdb::Result<()> {
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
        transaction.execute("UPDATE projection SET watermark = ?, products = ?", params![watermarks.records, watermarks.products])?;
        transaction.commit()?;
        self.next_doc = next;
        Ok(())
    }

    /// See [`AnalyticsEngine::orders_with_products`](crate::projection::AnalyticsEngine::orders_with_products).
    pub(super) fn orders_with_products(
        &mut self,
        products: &[(i64, String)],
        after: &(i64, String),
        limit: usize,
    ) -> duckdb::Result<Vec<(i64, String)>> {
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute_batch("DELETE FROM product;")?;
        let mut appender = transaction.appender_to_catalog_and_db("product", "temp", "main")?;
        for (project, item) in products {
            appender.append_row(params![project, item])?;
        }
        appender.flush()?;
        drop(appender);
        let find = format!(
            "SELECT DISTINCT d.project, d.key FROM {} d JOIN {} l ON l.doc = d.doc
             JOIN product p ON p.project = d.project AND p.item = l.\"line_items.item_id\"
             WHERE d.project > ? OR (d.project = ? AND d.key > ?) ORDER BY d.project, d.key LIMIT ?",
            table(RecordKind::Orders, None),
            table(RecordKind::Orders, Some("line_items")),
        );
        let mut statement = transaction.prepare(&find)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![after.0, after.0, after.1, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found = rows.collect::<duckdb::Result<_>>()?;
        drop(statement);
        transaction.commit()?;
        Ok(found)
    }
}

fn remove(connection: &Connection, tables: &[Table], latest: &Latest<'_>) -> duckdb::Result<()> {
    let Some(documents) = tables.first() else { return Ok(()) };
    connection.execute_batch("DELETE FROM changed; DELETE FROM deleted;")?;
    let mut changed = connection.appender_to_catalog_and_db("changed", "temp", "main")?;
    for (project, key) in latest.keys() {
        changed.append_row(params![project, key])?;
    }
    changed.flush()?;
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
    let mut appenders = Vec::new();
    for table in tables {
        appenders.push((table, connection.appender(&table.name)?));
    }
    for ((project, key), json) in latest {
        let Some(json) = json else { continue };
        let Some(valid) = serde_json::from_str(json).ok().and_then(|value| document::validate_lenient(kind, &value)) else {
            tracing::error!(key, "a stored record is not valid and is missing in the projection");
            continue;
        };
        Rows { kind, project: *project, key, doc: next, record: &valid.json }.append(&mut appenders)?;
        next += 1;
    }
    for (_, appender) in &mut appenders {
        appender.flush()?;
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
    fn append(&self, appenders: &mut [(&Table, Appender<'_>)]) -> duckdb::Result<()> {
        for (table, appender) in appenders {
            match table.array {
                None => self.document(table, appender)?,
                Some(array) => match parent(array) {
                    None => self.elements(table, appender, array)?,
                    Some(outer) => self.nested(table, appender, outer, array)?,
                },
            }
        }
        Ok(())
    }

    fn document(&self, table: &Table, appender: &mut Appender<'_>) -> duckdb::Result<()> {
        let mut row = vec![Sql::BigInt(self.doc), Sql::BigInt(self.project), Sql::Text(self.key.into())];
        if self.kind == RecordKind::Orders {
            row.push(Sql::Boolean(document::is_cart(self.record)));
        }
        let json = serde_json::to_string(self.record).unwrap_or_default();
        row.extend([Sql::Text(json), Sql::Text(document::lines(self.record).join("\n"))]);
        append_row(table, appender, row, self.record)
    }

    fn elements(&self, table: &Table, appender: &mut Appender<'_>, array: &str) -> duckdb::Result<()> {
        for (item, element) in (0..).zip(objects(self.record, array)) {
            append_row(table, appender, vec![Sql::BigInt(self.doc), Sql::Int(item)], element)?;
        }
        Ok(())
    }

    fn nested(&self, table: &Table, appender: &mut Appender<'_>, outer: &str, array: &str) -> duckdb::Result<()> {
        let name = array.get(outer.len() + 1..).unwrap_or_default();
        let parents = (0..).zip(objects(self.record, outer));
        let elements = parents.flat_map(|(parent, object)| objects(object, name).map(move |element| (parent, element)));
        for (item, (parent, element)) in (0..).zip(elements) {
            append_row(table, appender, vec![Sql::BigInt(self.doc), Sql::Int(item), Sql::Int(parent)], element)?;
        }
        Ok(())
    }
}

fn objects<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn append_row(table: &Table, appender: &mut Appender<'_>, mut row: Vec<Sql>, object: &Map<String, Value>) -> duckdb::Result<()> {
    row.extend(table.columns.iter().map(|(field, path)| {
        let (last, before) = path.split_last().unwrap_or((&"", &[]));
        let owner = before.iter().try_fold(object, |object, name| object.get(*name)?.as_object());
        owner.and_then(|owner| owner.get(*last)).map_or(Sql::Null, |value| cell(field.kind, value))
    }));
    appender.append_row(appender_params_from_iter(row))
}

/// Converts a canonical value, which always has the type of its field.
fn cell(kind: FieldType, value: &Value) -> Sql {
    let cell = match kind {
        FieldType::Text | FieldType::Organization => value.as_str().map(|text| Sql::Text(text.into())),
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
