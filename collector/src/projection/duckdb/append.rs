//! Appends rows to a table, column by column: the engine takes a column of values many times faster than one value after the other.

use std::sync::Arc;

use duckdb::Connection;
use duckdb::arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use duckdb::types::Value as Sql;

/// The number of rows that are copied at a time: that of the engine's own vectors.
const ROWS: usize = 2048;

/// Appends rows to a table of the file. All values of a column have one type, or are NULL.
pub(super) fn append(connection: &Connection, table: &str, rows: &[Vec<Sql>]) -> duckdb::Result<()> {
    append_to(connection.appender(table)?, rows)
}

/// Replaces the rows of a temporary table of the connection.
pub(super) fn replace_temporary(connection: &Connection, table: &str, rows: impl Iterator<Item = Vec<Sql>>) -> duckdb::Result<()> {
    connection.execute_batch(&format!("DELETE FROM {table}"))?;
    append_to(connection.appender_to_catalog_and_db(table, "temp", "main")?, &rows.collect::<Vec<_>>())
}

fn append_to(mut appender: duckdb::Appender<'_>, rows: &[Vec<Sql>]) -> duckdb::Result<()> {
    for rows in rows.chunks(ROWS) {
        let width = rows.first().map_or(0, Vec::len);
        let columns = (0..width).map(|at| Ok((at.to_string(), column(rows, at)?, true))).collect::<duckdb::Result<Vec<_>>>()?;
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        appender.append_record_batch(batch.map_err(|error| duckdb::Error::ToSqlConversionFailure(error.into()))?)?;
    }
    appender.flush()
}

/// Returns a column as an array of the type of its first value. A column without values is one of texts, which the engine converts.
fn column(rows: &[Vec<Sql>], at: usize) -> duckdb::Result<ArrayRef> {
    macro_rules! array {
        ($array:ty, $pattern:pat => $read:expr) => {
            Arc::new(values(rows, at).map(|value| if let Some($pattern) = value { Some($read) } else { None }).collect::<$array>())
        };
    }
    Ok(match values(rows, at).flatten().next() {
        Some(Sql::BigInt(_)) => array!(Int64Array, Sql::BigInt(value) => *value),
        Some(Sql::Int(_)) => array!(Int32Array, Sql::Int(value) => *value),
        Some(Sql::Boolean(_)) => array!(BooleanArray, Sql::Boolean(value) => *value),
        Some(Sql::Timestamp(..)) => array!(TimestampMicrosecondArray, Sql::Timestamp(_, value) => *value),
        None | Some(Sql::Text(_)) => array!(StringArray, Sql::Text(value) => value.as_str()),
        Some(other) => return Err(duckdb::Error::ToSqlConversionFailure(format!("a column of {:?}", other.data_type()).into())),
    })
}

fn values(rows: &[Vec<Sql>], at: usize) -> impl Iterator<Item = Option<&Sql>> {
    rows.iter().map(move |row| row.get(at).filter(|value| !matches!(value, Sql::Null)))
}
