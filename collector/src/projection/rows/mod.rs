//! The rows that engines store: one for each document, array element, event, identity link, customer and product.
//!
//! They are the same for all engines, as values of [`ColumnValue`]; each engine writes them in its own form.

pub(super) mod event;
mod records;
mod tables;
pub(super) mod tracked;

pub(super) use records::{RowSink, key, latest, record_rows};
pub(super) use tables::{ColumnType, RECORD_KINDS, Table, tables};

/// A visit with this many events is not derived again for further ones: no person makes as many, and the cost of a derivation grows with them.
pub(super) const MAX_DERIVED_EVENTS: i64 = 10_000;

/// Separates the strings of a list where an engine takes it as one text. No string has it.
pub(super) const SEPARATOR: char = '\u{1f}';

/// One value of a row. All values of a column have one type, or are null.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ColumnValue {
    /// No value.
    Null,
    /// A string.
    Text(String),
    /// A whole record as JSON.
    Document(String),
    /// A whole record in the form of [`crate::packed`].
    #[cfg(feature = "duckdb")]
    Packed(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// The place of an element in an array.
    Item(i32),
    /// True or false.
    Bool(bool),
    /// A time, in milliseconds since 1970.
    Time(i64),
    /// A list of strings that is not empty.
    Texts(Vec<String>),
}

/// Returns a string without null characters, which engines do not store; null if nothing else is in it.
pub(super) fn text(text: Option<&str>) -> ColumnValue {
    text.map(|text| text.replace('\0', "")).filter(|text| !text.is_empty()).map_or(ColumnValue::Null, ColumnValue::Text)
}
