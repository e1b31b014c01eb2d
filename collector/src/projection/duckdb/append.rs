//! Appends rows to a table, column by column.

use duckdb::arrow::array::{ArrayRef, RecordBatch};
use duckdb::{Appender, Connection};

use crate::projection::duckdb::columns::Columns;
use crate::projection::rows::ColumnValue;

/// The number of rows that are copied at a time: that of the engine's own vectors.
const ROWS: usize = 2048;

/// Appends rows to a table of the file, a few at a time. All values of a column have one type, or are NULL.
pub(super) fn append(connection: &Connection, table: &str, rows: impl IntoIterator<Item = Vec<ColumnValue>>) -> duckdb::Result<()> {
    append_to(connection.appender(table)?, rows)
}

/// Appends rows to a table of the file that has columns with these names. The columns that have no values are left out: the engine takes each
/// null that is passed like a value, and fills a column that is left out at once.
pub(super) fn append_used(connection: &Connection, table: &str, names: &[String], rows: Columns) -> duckdb::Result<()> {
    let used = names.iter().zip(rows.used()).filter_map(|(name, array)| Some((name.as_str(), array?)));
    let (names, arrays): (Vec<_>, Vec<_>) = used.unzip();
    if names.is_empty() {
        return Ok(());
    }
    let mut appender = connection.appender_with_columns(table, &names)?;
    append_batch(&mut appender, arrays)?;
    appender.flush()
}

/// Replaces the rows of a temporary table of the connection.
pub(super) fn replace_temporary(
    connection: &Connection,
    table: &str,
    rows: impl IntoIterator<Item = Vec<ColumnValue>>,
) -> duckdb::Result<()> {
    connection.execute_batch(&format!("DELETE FROM {table}"))?;
    append_to(connection.appender_to_catalog_and_db(table, "temp", "main")?, rows)
}

fn append_to(mut appender: Appender<'_>, rows: impl IntoIterator<Item = Vec<ColumnValue>>) -> duckdb::Result<()> {
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.peek() {
        let mut columns = Columns::new(first.len());
        rows.by_ref().take(ROWS).for_each(|row| columns.push(row.iter()));
        append_batch(&mut appender, columns.all())?;
    }
    appender.flush()
}

fn append_batch(appender: &mut Appender<'_>, arrays: impl IntoIterator<Item = ArrayRef>) -> duckdb::Result<()> {
    let columns = arrays.into_iter().enumerate().map(|(at, array)| (at.to_string(), array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns);
    appender.append_record_batch(batch.map_err(|error| duckdb::Error::ToSqlConversionFailure(error.into()))?)
}
