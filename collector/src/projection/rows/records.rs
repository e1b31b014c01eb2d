//! The rows of changed documents and of the elements of their arrays.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::metrics::catalog::{FieldType, RecordKind, parent};
use crate::metrics::document;
use crate::projection::document::Document;
use crate::projection::rows::ColumnValue;
use crate::projection::rows::tables::Table;
use crate::time;

/// The last change of each record in a batch, by project and key.
pub(in crate::projection) type Latest<'a> = HashMap<(i64, &'a str), Option<&'a str>>;

/// Returns the last change of each record of this kind.
pub(in crate::projection) fn latest(documents: &[Document], kind: RecordKind) -> Latest<'_> {
    let of_kind = documents.iter().filter(|document| document.record_kind == kind);
    of_kind.map(|document| ((document.project, document.key.as_str()), document.json.as_deref())).collect()
}

/// Returns the rows of each of the tables. `next_doc` returns a new number of a document.
pub(in crate::projection) fn record_rows(
    kind: RecordKind,
    tables: &[Table],
    latest: &Latest<'_>,
    mut next_doc: impl FnMut() -> i64,
) -> Vec<Vec<Vec<ColumnValue>>> {
    let mut rows: Vec<_> = tables.iter().map(|_| Vec::new()).collect();
    for ((project, key), json) in latest {
        let Some(json) = json else { continue };
        let Some(valid) = serde_json::from_str(json).ok().and_then(|value| document::validate_lenient(kind, &value)) else {
            tracing::error!(key, "a stored record is not valid and is missing in the projection");
            continue;
        };
        let record = Record { kind, project: *project, key, doc: next_doc(), json: &valid.json };
        for (table, rows) in tables.iter().zip(&mut rows) {
            record.append(table, rows);
        }
    }
    rows
}

/// One document.
struct Record<'a> {
    kind: RecordKind,
    project: i64,
    key: &'a str,
    doc: i64,
    json: &'a Map<String, Value>,
}

impl Record<'_> {
    fn append(&self, table: &Table, rows: &mut Vec<Vec<ColumnValue>>) {
        match table.array {
            None => rows.push(self.document(table)),
            Some(array) => match parent(array) {
                None => self.elements(table, rows, array),
                Some(outer) => self.nested(table, rows, outer, array),
            },
        }
    }

    fn start(&self) -> Vec<ColumnValue> {
        vec![ColumnValue::Integer(self.doc), ColumnValue::Integer(self.project)]
    }

    fn document(&self, table: &Table) -> Vec<ColumnValue> {
        let mut row = self.start();
        row.push(ColumnValue::Text(self.key.into()));
        if self.kind == RecordKind::Orders {
            row.push(ColumnValue::Bool(document::is_cart(self.json)));
        }
        let json = serde_json::to_string(self.json).unwrap_or_default();
        row.extend([ColumnValue::Text(json), ColumnValue::Text(document::lines(self.json).join("\n"))]);
        with_fields(table, row, self.json)
    }

    fn elements(&self, table: &Table, rows: &mut Vec<Vec<ColumnValue>>, array: &str) {
        for (item, element) in (0..).zip(objects(self.json, array)) {
            let mut row = self.start();
            row.push(ColumnValue::Item(item));
            rows.push(with_fields(table, row, element));
        }
    }

    fn nested(&self, table: &Table, rows: &mut Vec<Vec<ColumnValue>>, outer: &str, array: &str) {
        let name = array.get(outer.len() + 1..).unwrap_or_default();
        let parents = (0..).zip(objects(self.json, outer));
        let elements = parents.flat_map(|(parent, object)| objects(object, name).map(move |element| (parent, element)));
        for (item, (parent, element)) in (0..).zip(elements) {
            let mut row = self.start();
            row.extend([ColumnValue::Item(item), ColumnValue::Item(parent)]);
            rows.push(with_fields(table, row, element));
        }
    }
}

fn objects<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// Adds the values of the table's fields to the fixed ones of a row.
fn with_fields(table: &Table, mut row: Vec<ColumnValue>, object: &Map<String, Value>) -> Vec<ColumnValue> {
    row.extend(table.fields.iter().map(|(field, path)| {
        let (last, before) = path.split_last().unwrap_or((&"", &[]));
        let owner = before.iter().try_fold(object, |object, name| object.get(*name)?.as_object());
        owner.and_then(|owner| owner.get(*last)).map_or(ColumnValue::Null, |value| column_value(field.kind, value))
    }));
    row
}

/// Converts a canonical value, which always has the type of its field.
fn column_value(kind: FieldType, value: &Value) -> ColumnValue {
    let converted = match kind {
        FieldType::Text | FieldType::Organization | FieldType::Texts => value.as_str().map(|text| ColumnValue::Text(text.into())),
        FieldType::Bool => value.as_bool().map(ColumnValue::Bool),
        FieldType::Integer => value.as_i64().map(ColumnValue::Integer),
        FieldType::Number | FieldType::Amount => document::millionths(value).map(ColumnValue::Integer),
        FieldType::Timestamp => value.as_str().and_then(time::parse_rfc3339).map(|read| ColumnValue::Time(read.millis)),
    };
    converted.unwrap_or(ColumnValue::Null)
}
