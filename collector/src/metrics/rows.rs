//! The scope of a query, and the rows that an analytics engine returns.
//!
//! Every engine returns the same columns, so that building a response does not depend on the engine:
//!
//! | query | result sets | columns of their rows |
//! |---|---|---|
//! | breakdowns, stats | one | level, id, parent, label, count, sum, minimum, maximum, percentiles |
//! | search | two | the count; then record, date, id, and the value of each [computed field](crate::metrics::query::Query::computed_fields) |
//! | bought together | one | item, count, type, name |
//!
//! Amounts and quantities, their sums, minimums and maximums, are whole millionths. Times are milliseconds since 1970.

/// The percentiles that an engine computes: the name in responses, and the fraction.
pub const PERCENTILES: [(&str, &str); 7] =
    [("1.0", "0.01"), ("5.0", "0.05"), ("25.0", "0.25"), ("50.0", "0.5"), ("75.0", "0.75"), ("95.0", "0.95"), ("99.0", "0.99")];

/// The records that a caller may see.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The project's number in the store.
    pub project: i64,
    /// The project's name in responses.
    pub organization: String,
    /// The markets that the caller may see; empty for all.
    pub markets: Vec<String>,
}

/// The rows of one result set.
pub type Rows = Vec<Row>;

/// One row of a result set.
pub type Row = Vec<Cell>;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A string.
    Text(String),
    /// An integer.
    Integer(i128),
    /// True or false.
    Bool(bool),
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// A list of strings.
    Texts(Vec<String>),
}
