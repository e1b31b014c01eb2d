//! From a [`Query`](super::query::Query) to what an engine is told. Each engine has a printer of its own here; nothing else knows its language.
//!
//! No text of a request is ever part of a statement: it is bound. Names of columns come from the catalogue.

pub mod duckdb;

/// Whose records may be seen.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The project's number in the store.
    pub project: i64,
    /// What the project is called in answers.
    pub organization: &'a str,
    /// The markets that may be seen; none named means all.
    pub markets: &'a [String],
}

/// A question in an engine's language, and the values it refers to.
#[derive(Debug, PartialEq)]
pub struct Statement {
    /// The question; `$1` is the first value.
    pub text: String,
    /// The values.
    pub values: Vec<Bound>,
}

/// A value that a statement refers to.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Any number.
    Number(f64),
    /// A point in time, in milliseconds since 1970.
    Moment(i64),
}

/// A row of an engine's answer.
pub type Row = Vec<Cell>;

/// A value of an engine's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// None.
    Missing,
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i128),
    /// A list of numbers.
    Numbers(Vec<f64>),
}
