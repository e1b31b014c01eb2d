//! The values of attributes, in the form in which they are stored: times in milliseconds, quantities and amounts in millionths.

use serde_json::{Number, Value};

use tillroll_protocol::limits::MAX_AMOUNT;

use crate::metrics::catalog::FieldType;
use crate::time;

/// The scale of money, quantities and rates, which are stored in millionths.
pub const MILLION: f64 = 1_000_000.0;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// No value.
    Null,
    /// A string.
    Text(String),
    /// True or false.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A quantity, an amount or a rate, in millionths.
    Millionths(i64),
    /// A time, in milliseconds since 1970.
    Time(i64),
}

/// Returns a time, `latest` if it is later, or the first time of 1970 if it is earlier.
pub(super) fn time(text: &str, latest: i64) -> Option<Scalar> {
    time::parse_of_any_year(text).map(|read| Scalar::Time(read.millis.min(latest).max(0)))
}

/// Returns a whole number within bounds.
pub(super) fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() <= MAX_AMOUNT;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within bounds")]
    is_whole.then_some(number as i64)
}

/// Returns a number in millionths, rounded.
pub(super) fn millionths_of(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "within bounds")]
    (number.abs() <= MAX_AMOUNT).then(|| (number * MILLION).round() as i64)
}

/// Returns a number in millionths, rounded.
pub fn millionths(value: &Value) -> Option<i64> {
    value.as_f64().and_then(millionths_of)
}

/// Converts millionths to the JSON number of this type.
pub(in crate::metrics) fn to_json_number(kind: FieldType, millionths: i64) -> Value {
    if kind == FieldType::Number && millionths % 1_000_000 == 0 {
        return Value::from(millionths / 1_000_000);
    }
    Number::from_f64(from_millionths(i128::from(millionths))).map_or(Value::Null, Value::Number)
}

/// Converts millionths to the nearest `f64`.
pub fn from_millionths(millionths: i128) -> f64 {
    if millionths.unsigned_abs() < 1 << 53 {
        // Both operands are exact, so their quotient is the nearest number.
        #[expect(clippy::cast_precision_loss, reason = "just compared")]
        return millionths as f64 / MILLION;
    }
    let sign = if millionths < 0 { "-" } else { "" };
    let (units, rest) = (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    format!("{sign}{units}.{rest:06}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sums_keep_their_cents() {
        assert_eq!(from_millionths(13_701_132_000_100_000), 13_701_132_000.1);
        assert_eq!(from_millionths(-773_200_000), -773.2);
    }
}
