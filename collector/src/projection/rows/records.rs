//! The rows of changed documents and of the elements of their arrays.

use std::collections::HashSet;

use crate::metrics::catalog::RecordKind;
use crate::metrics::document::{self, Record, Scalar};
use crate::projection::document::{Document, JsonText};
use crate::projection::rows::ColumnValue;
use crate::projection::rows::tables::Table;

/// Returns the last change of each record of this kind, in the order of these changes.
pub(in crate::projection) fn latest(documents: &[Document], kind: RecordKind) -> Vec<&Document> {
    let mut seen = HashSet::new();
    let of_kind = documents.iter().rev().filter(|document| document.record_kind == kind);
    let mut latest: Vec<_> = of_kind.filter(|document| seen.insert(key(document))).collect();
    latest.reverse();
    latest
}

/// Returns the project and the key of a record.
pub(in crate::projection) fn key<'a>(document: &&'a Document) -> (i64, &'a str) {
    (document.project, document.key.as_str())
}

/// Takes the rows of several tables.
pub(in crate::projection) trait RowSink {
    /// Takes a row of the table at this place.
    fn push(&mut self, table: usize, row: impl Iterator<Item = ColumnValue>);
}

impl RowSink for Vec<Vec<Vec<ColumnValue>>> {
    fn push(&mut self, table: usize, row: impl Iterator<Item = ColumnValue>) {
        self[table].push(row.collect());
    }
}

/// Passes the rows of each of the tables to `sink`. `next_doc` returns a new number of a document, and `whole` the value of a whole record,
/// from its JSON as the store has it and as a text.
pub(in crate::projection) fn record_rows(
    kind: RecordKind,
    tables: &[Table],
    latest: &[&Document],
    mut next_doc: impl FnMut() -> i64,
    whole: impl Fn(&JsonText, &str, &Record) -> ColumnValue,
    sink: &mut impl RowSink,
) {
    for document in latest {
        let Document { project, key, json: Some(json), .. } = document else { continue };
        let text = json.text().unwrap_or_default();
        let Some(record) = document::parse_lenient(kind, &text) else {
            tracing::error!(key, "a stored record is not valid and is missing in the projection");
            continue;
        };
        let start = [ColumnValue::Integer(next_doc()), ColumnValue::Integer(*project)];
        let mut own = vec![ColumnValue::Text(key.clone())];
        own.extend((kind == RecordKind::Orders).then(|| ColumnValue::Bool(record.is_cart())));
        own.extend([whole(json, &text, &record), ColumnValue::Text(record.searchable_text())]);
        for ((at, table), rows) in tables.iter().enumerate().zip(record.into_rows()) {
            for (item, row) in (0..).zip(rows) {
                let place = if table.is_nested() { vec![item, row.parent] } else { vec![item] };
                let fixed = if table.is_array() { place.into_iter().map(ColumnValue::Item).collect() } else { std::mem::take(&mut own) };
                sink.push(at, start.iter().cloned().chain(fixed).chain(row.values.into_iter().map(column_value)));
            }
        }
    }
}

fn column_value(value: Scalar) -> ColumnValue {
    match value {
        Scalar::Null => ColumnValue::Null,
        Scalar::Text(text) => ColumnValue::Text(text),
        Scalar::Bool(value) => ColumnValue::Bool(value),
        Scalar::Integer(number) | Scalar::Millionths(number) => ColumnValue::Integer(number),
        Scalar::Time(millis) => ColumnValue::Time(millis),
    }
}
