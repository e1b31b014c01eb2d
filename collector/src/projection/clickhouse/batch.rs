//! The rows of one batch on their way into the database: numbers, and values as JSON.

use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::snapshot::{PLACE_BITS, Snapshot};
use crate::projection::error::ProjectionError;
use crate::projection::rows::ColumnValue;

/// The blocks of a batch: one for the rows that the writer numbers, and one for each statement whose rows the database derives.
pub(super) const BLOCKS: i64 = 7;

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

    /// Returns the numbers of this many new rows.
    pub(super) fn numbers(&mut self, count: usize) -> Range<i64> {
        let first = self.next;
        self.next += i64::try_from(count).unwrap_or(i64::MAX);
        first..self.next
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

    /// Inserts parts of rows that have their numbers. A column in which no row has a value is left out: records have few of the many fields, and the
    /// database reads each null.
    pub(super) fn insert(&self, table: &str, columns: &str, parts: &[&[Vec<ColumnValue>]]) -> Result<(), ProjectionError> {
        let has_value = |at: usize| parts.iter().copied().flatten().any(|row| row.get(at).is_some_and(|value| *value != ColumnValue::Null));
        let (used, names): (Vec<_>, Vec<_>) = columns.split(", ").enumerate().filter(|(at, _)| has_value(*at)).unzip();
        self.client.insert(table, &names.join(", "), lines(parts, &used))
    }

    /// Inserts rows and gives each a number.
    pub(super) fn insert_numbered(&mut self, table: &str, columns: &str, rows: Vec<Vec<ColumnValue>>) -> Result<(), ProjectionError> {
        let numbered = rows.into_iter().map(|row| std::iter::once(ColumnValue::Integer(self.number())).chain(row).collect());
        let numbered: Vec<Vec<_>> = numbered.collect();
        self.insert(table, &format!("doc, {columns}"), &[&numbered])
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
        self.insert("changed", if width > 4 { "at, list, project, key, number" } else { "at, list, project, key" }, &[&rows])
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

/// Returns the values of these columns, a list in JSON for each row.
fn lines(parts: &[&[Vec<ColumnValue>]], columns: &[usize]) -> String {
    let mut lines = Vec::new();
    for row in parts.iter().copied().flatten() {
        // Strings and numbers always become JSON, and a vector takes all of it.
        let _ = serde_json::Serializer::new(&mut lines).collect_seq(columns.iter().filter_map(|at| row.get(*at)).map(Json));
        lines.push(b'\n');
    }
    String::from_utf8(lines).unwrap_or_default()
}

/// A value as the database reads it.
struct Json<'a>(&'a ColumnValue);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ColumnValue::Null => serializer.serialize_unit(),
            ColumnValue::Text(text) | ColumnValue::Document(text) => serializer.serialize_str(text),
            #[cfg(feature = "duckdb")]
            ColumnValue::Packed(packed) => serializer.serialize_bytes(packed),
            ColumnValue::Integer(number) | ColumnValue::Time(number) => serializer.serialize_i64(*number),
            ColumnValue::Item(number) => serializer.serialize_i32(*number),
            ColumnValue::Bool(is_true) => serializer.serialize_bool(*is_true),
            ColumnValue::Texts(texts) => texts.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_a_line_of_json_for_each_row_without_columns_that_are_left_out() {
        let text = |text: &str| ColumnValue::Text(text.into());
        let rows = [
            vec![ColumnValue::Integer(i64::MIN), ColumnValue::Null, text("a\"\n\u{1}\u{e9}"), ColumnValue::Bool(true)],
            vec![ColumnValue::Time(7), ColumnValue::Item(3), ColumnValue::Null, ColumnValue::Texts(vec!["x".into(), "y".into()])],
        ];
        let expected = "[-9223372036854775808,\"a\\\"\\n\\u0001\u{e9}\",true]\n[7,null,[\"x\",\"y\"]]\n";
        assert_eq!(lines(&[&rows[..1], &rows[1..]], &[0, 2, 3]), expected);
    }
}
