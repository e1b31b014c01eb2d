//! The rows of one batch on their way into the database: numbers, and values as JSON.

use serde_json::Value;

use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::snapshot::{PLACE_BITS, Snapshot};
use crate::projection::error::ProjectionError;
use crate::projection::rows::ColumnValue;

/// The blocks of a batch: one for the rows that the writer numbers, and one for each statement whose rows the database derives.
pub(super) const BLOCKS: i64 = 5;

/// A batch that is being written.
pub(super) struct Batch<'a> {
    pub(super) client: &'a Client,
    /// What counted before.
    pub(super) before: &'a Snapshot,
    /// What will count, without a change of the watermark.
    pub(super) after: Snapshot,
    next: i64,
    next_block: i64,
}

impl<'a> Batch<'a> {
    pub(super) fn new(client: &'a Client, before: &'a Snapshot, block: i64) -> Self {
        let after = Snapshot { block: block + BLOCKS - 1, ..before.clone() };
        Self { client, before, after, next: block << PLACE_BITS, next_block: block + 1 }
    }

    /// Returns the number of a new row.
    pub(super) fn number(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    /// Returns a number below those of rows that the database numbers from one.
    pub(super) fn block(&mut self) -> i64 {
        self.next_block += 1;
        (self.next_block - 1) << PLACE_BITS
    }

    /// Returns a number that stands for the batch.
    pub(super) fn at(&self) -> i64 {
        self.after.block << PLACE_BITS
    }

    /// Inserts rows that have their numbers.
    pub(super) fn insert(&self, table: &str, columns: &str, rows: &[Vec<ColumnValue>]) -> Result<(), ProjectionError> {
        self.client.insert(table, columns, lines(rows))
    }

    /// Inserts rows and gives each a number.
    pub(super) fn insert_numbered(&mut self, table: &str, columns: &str, rows: Vec<Vec<ColumnValue>>) -> Result<(), ProjectionError> {
        let numbered = rows.into_iter().map(|row| std::iter::once(ColumnValue::Integer(self.number())).chain(row).collect());
        let numbered: Vec<Vec<_>> = numbered.collect();
        self.insert(table, &format!("doc, {columns}"), &numbered)
    }

    /// Stores the keys of changed rows of a list: project and key. Keys that no row has are left out.
    pub(super) fn stage(&self, list: &str, keys: Vec<Vec<ColumnValue>>) -> Result<(), ProjectionError> {
        let has_key = |row: &Vec<ColumnValue>| matches!(row.get(1), Some(ColumnValue::Text(_)));
        let row = |key: Vec<ColumnValue>| {
            let start = [ColumnValue::Integer(self.at()), ColumnValue::Text(list.into())];
            start.into_iter().chain(key).collect::<Vec<_>>()
        };
        let rows: Vec<_> = keys.into_iter().filter(has_key).map(row).collect();
        let width = rows.first().map_or(0, Vec::len);
        self.insert("changed", if width > 4 { "at, list, project, key, number" } else { "at, list, project, key" }, &rows)
    }

    /// Returns the relation of the keys of a list.
    pub(super) fn staged(&self, list: &str) -> String {
        format!("(SELECT project, key, number FROM changed WHERE at = {} AND list = '{list}')", self.at())
    }

    /// Lists rows of a relation, which has the alias `d`, as gone.
    pub(super) fn delete(&self, relation: &str, condition: &str) -> Result<(), ProjectionError> {
        self.client.execute(&format!("INSERT INTO gone SELECT d.doc, {} FROM {relation} d WHERE {condition}", self.at()))
    }
}

fn lines(rows: &[Vec<ColumnValue>]) -> String {
    let mut lines = String::new();
    for row in rows {
        let values: Vec<_> = row.iter().map(json).collect();
        // Strings and numbers always become JSON.
        lines += &serde_json::to_string(&values).unwrap_or_default();
        lines.push('\n');
    }
    lines
}

fn json(value: &ColumnValue) -> Value {
    match value {
        ColumnValue::Null => Value::Null,
        ColumnValue::Text(text) | ColumnValue::Document(text) => Value::from(text.as_str()),
        ColumnValue::Integer(number) | ColumnValue::Time(number) => Value::from(*number),
        ColumnValue::Item(number) => Value::from(*number),
        ColumnValue::Bool(is_true) => Value::from(*is_true),
        ColumnValue::Texts(texts) => Value::from(texts.clone()),
    }
}
