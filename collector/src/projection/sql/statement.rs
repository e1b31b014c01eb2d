//! Statements and their bound values.

/// A statement and its bound values.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The SQL, with placeholders of the dialect.
    pub text: String,
    /// The values.
    pub values: Vec<Bound>,
}

/// A bound value.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Number(f64),
    /// A time, in milliseconds since 1970.
    Timestamp(i64),
}
