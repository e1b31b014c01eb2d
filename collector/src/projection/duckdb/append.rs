//! Appends rows to a table, column by column: the engine takes a column of values many times faster than one value after the other.

use std::sync::Arc;

use duckdb::Connection;
use duckdb::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};

use crate::projection::rows::ColumnValue;

/// Separates the strings of a list, which is copied as one text.
pub(super) const SEPARATOR: char = '\u{1f}';

/// The number of rows that are copied at a time: that of the engine's own vectors.
const ROWS: usize = 2048;

/// Appends rows to a table of the file. All values of a column have one type, or are NULL.
pub(super) fn append(connection: &Connection, table: &str, rows: &[Vec<ColumnValue>]) -> duckdb::Result<()> {
    append_to(connection.appender(table)?, rows)
}

/// Replaces the rows of a temporary table of the connection.
pub(super) fn replace_temporary(connection: &Connection, table: &str, rows: &[Vec<ColumnValue>]) -> duckdb::Result<()> {
    connection.execute_batch(&format!("DELETE FROM {table}"))?;
    append_to(connection.appender_to_catalog_and_db(table, "temp", "main")?, rows)
}

fn append_to(mut appender: duckdb::Appender<'_>, rows: &[Vec<ColumnValue>]) -> duckdb::Result<()> {
    for rows in rows.chunks(ROWS) {
        let width = rows.first().map_or(0, Vec::len);
        let columns = (0..width).map(|at| (at.to_string(), column(rows, at), true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        appender.append_record_batch(batch.map_err(|error| duckdb::Error::ToSqlConversionFailure(error.into()))?)?;
    }
    appender.flush()
}

/// Returns a column as an array of the type of its first value. A column without values is one of texts, which the engine converts.
fn column(rows: &[Vec<ColumnValue>], at: usize) -> ArrayRef {
    macro_rules! array {
        ($array:ty, $pattern:pat => $read:expr) => {
            Arc::new(values(rows, at).map(|value| if let Some($pattern) = value { Some($read) } else { None }).collect::<$array>())
        };
    }
    match values(rows, at).flatten().next() {
        Some(ColumnValue::Integer(_)) => array!(Int64Array, ColumnValue::Integer(value) => *value),
        Some(ColumnValue::Item(_)) => array!(Int32Array, ColumnValue::Item(value) => *value),
        Some(ColumnValue::Bool(_)) => array!(BooleanArray, ColumnValue::Bool(value) => *value),
        Some(ColumnValue::Time(_)) => array!(TimestampMicrosecondArray, ColumnValue::Time(value) => value.saturating_mul(1_000)),
        Some(ColumnValue::Texts(_)) => array!(StringArray, ColumnValue::Texts(values) => values.join(&SEPARATOR.to_string())),
        Some(ColumnValue::Packed(_)) => array!(BinaryArray, ColumnValue::Packed(packed) => packed.as_slice()),
        None | Some(ColumnValue::Text(_) | ColumnValue::Document(_) | ColumnValue::Null) => {
            array!(StringArray, ColumnValue::Text(value) => value.as_str())
        }
    }
}

fn values(rows: &[Vec<ColumnValue>], at: usize) -> impl Iterator<Item = Option<&ColumnValue>> {
    rows.iter().map(move |row| row.get(at).filter(|value| !matches!(value, ColumnValue::Null)))
}
