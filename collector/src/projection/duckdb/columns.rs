//! Rows as columns of values. The engine takes a column of values many times faster than one value after the other.

use std::borrow::Borrow;
use std::sync::Arc;

use duckdb::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Int32Builder, Int64Builder, StringArray, StringBuilder, TimestampMicrosecondBuilder,
};

use crate::projection::rows::{ColumnValue, RowSink, SEPARATOR};

/// The columns of the rows of one table.
pub(super) struct Columns {
    columns: Vec<Column>,
    rows: usize,
}

/// A column, without values as long as all rows have none: records have few of the many fields.
#[derive(Default)]
struct Column(Option<Values>);

/// All values of a column have one type, or are null.
enum Values {
    Text(StringBuilder),
    Packed(BinaryBuilder),
    Integer(Int64Builder),
    Item(Int32Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Columns {
    /// Begins this many columns without rows.
    pub(super) fn new(width: usize) -> Self {
        Self { columns: std::iter::repeat_with(Column::default).take(width).collect(), rows: 0 }
    }

    /// Adds a row, which has a value for each column.
    pub(super) fn push(&mut self, row: impl Iterator<Item = impl Borrow<ColumnValue>>) {
        for (Column(column), value) in self.columns.iter_mut().zip(row) {
            match (column, value.borrow()) {
                (None, ColumnValue::Null) => {}
                (Some(values), value) => values.push(value),
                (none, value) => none.insert(Values::new(value, self.rows)).push(value),
            }
        }
        self.rows += 1;
    }

    /// Returns an array for each column, or None if no row has a value in it.
    pub(super) fn used(self) -> impl Iterator<Item = Option<ArrayRef>> {
        self.columns.into_iter().map(|Column(values)| values.map(Values::finish))
    }

    /// Returns an array for each column. One without values is one of texts, which the engine converts.
    pub(super) fn all(self) -> impl Iterator<Item = ArrayRef> {
        let rows = self.rows;
        self.used().map(move |array| array.unwrap_or_else(|| Arc::new(StringArray::new_null(rows))))
    }
}

impl RowSink for Vec<Columns> {
    fn push(&mut self, table: usize, row: impl Iterator<Item = ColumnValue>) {
        self[table].push(row);
    }
}

impl Values {
    /// Begins a column of the type of a value, with this many nulls.
    fn new(value: &ColumnValue, nulls: usize) -> Self {
        let mut values = match value {
            ColumnValue::Packed(_) => Self::Packed(BinaryBuilder::new()),
            ColumnValue::Integer(_) => Self::Integer(Int64Builder::new()),
            ColumnValue::Item(_) => Self::Item(Int32Builder::new()),
            ColumnValue::Bool(_) => Self::Bool(BooleanBuilder::new()),
            ColumnValue::Time(_) => Self::Time(TimestampMicrosecondBuilder::new()),
            ColumnValue::Text(_) | ColumnValue::Document(_) | ColumnValue::Texts(_) | ColumnValue::Null => Self::Text(StringBuilder::new()),
        };
        values.push_nulls(nulls);
        values
    }

    fn push(&mut self, value: &ColumnValue) {
        match (self, value) {
            (Self::Text(texts), ColumnValue::Text(text) | ColumnValue::Document(text)) => texts.append_value(text),
            (Self::Text(texts), ColumnValue::Texts(list)) => texts.append_value(list.join(&SEPARATOR.to_string())),
            (Self::Packed(documents), ColumnValue::Packed(packed)) => documents.append_value(packed),
            (Self::Integer(numbers), ColumnValue::Integer(number)) => numbers.append_value(*number),
            (Self::Item(places), ColumnValue::Item(place)) => places.append_value(*place),
            (Self::Bool(bools), ColumnValue::Bool(value)) => bools.append_value(*value),
            (Self::Time(times), ColumnValue::Time(millis)) => times.append_value(millis.saturating_mul(1_000)),
            (values, _) => values.push_nulls(1),
        }
    }

    fn push_nulls(&mut self, count: usize) {
        match self {
            Self::Text(texts) => texts.append_nulls(count),
            Self::Packed(documents) => documents.append_nulls(count),
            Self::Integer(numbers) => numbers.append_nulls(count),
            Self::Item(places) => places.append_nulls(count),
            Self::Bool(bools) => bools.append_nulls(count),
            Self::Time(times) => times.append_nulls(count),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut texts) => Arc::new(texts.finish()),
            Self::Packed(mut documents) => Arc::new(documents.finish()),
            Self::Integer(mut numbers) => Arc::new(numbers.finish()),
            Self::Item(mut places) => Arc::new(places.finish()),
            Self::Bool(mut bools) => Arc::new(bools.finish()),
            Self::Time(mut times) => Arc::new(times.finish()),
        }
    }
}
