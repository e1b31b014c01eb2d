//! The texts of a record: its JSON, and the lines that a search compares.

use std::fmt::{self, Write};
use std::ops::Range;

use crate::metrics::catalog::FieldType;
use crate::metrics::document::scalar::{Scalar, to_json_number};
use crate::metrics::document::schema::{Member, ObjectSchema, RecordSchema};
use crate::metrics::document::{Record, Row};
use crate::metrics::search_query::fold;
use crate::time;

/// Most records have fewer bytes of JSON.
const USUAL_JSON_BYTES: usize = 4 << 10;

impl Record {
    /// Returns the record as JSON, with its members in the order of their names.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(USUAL_JSON_BYTES);
        write_object(self, &RecordSchema::of(self.kind).root, (0, 0), &mut out);
        out
    }

    /// Returns all texts of the record in lower case, each on a line of its own, with spaces in place of its blanks.
    pub fn searchable_text(&self) -> String {
        let mut out = String::new();
        for value in self.rows.iter().flatten().flat_map(|row| &row.values) {
            if let Scalar::Text(text) = value
                && time::parse_rfc3339(text).is_none()
            {
                push_line(text, &mut out);
            }
        }
        out
    }
}

fn push_line(text: &str, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    // Most texts are plain, and need no copies.
    if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        let begin = out.len();
        out.push_str(text);
        out[begin..].make_ascii_lowercase();
    } else {
        out.push_str(&fold(text).replace(char::is_whitespace, " "));
    }
}

fn write_object(record: &Record, schema: &ObjectSchema, at: (usize, usize), out: &mut String) {
    let row = &record.rows[at.0][at.1];
    let mut separator = '{';
    for (name, member) in schema.members.iter().filter(|(_, member)| has_value(record, member, at)) {
        out.push(separator);
        separator = ',';
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        match member {
            Member::Attribute(field, column) => write_value(field.kind, &row.values[*column], out),
            Member::Object(inner) => write_object(record, inner, at, out),
            Member::Array(inner, table) => write_array(record, inner, (*table, at.1), out),
        }
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
}

fn has_value(record: &Record, member: &Member, at: (usize, usize)) -> bool {
    match member {
        Member::Attribute(_, column) => record.rows[at.0][at.1].values[*column] != Scalar::Null,
        Member::Object(inner) => inner.has_value(&record.rows[at.0][at.1]),
        Member::Array(_, table) => !elements(record, *table, at.1).is_empty(),
    }
}

impl ObjectSchema {
    fn has_value(&self, row: &Row) -> bool {
        self.members.iter().any(|(_, member)| match member {
            Member::Attribute(_, column) => row.values[*column] != Scalar::Null,
            Member::Object(inner) => inner.has_value(row),
            Member::Array(..) => false,
        })
    }
}

/// Returns the places of the elements of an array within `parent`.
fn elements(record: &Record, table: usize, parent: usize) -> Range<usize> {
    // Rows are in the order of their parents.
    let rows = &record.rows[table];
    let is_before = |row: &Row| usize::try_from(row.parent).is_ok_and(|other| other < parent);
    let first = rows.partition_point(is_before);
    let count = rows[first..].iter().take_while(|row| usize::try_from(row.parent) == Ok(parent)).count();
    first..first + count
}

fn write_array(record: &Record, schema: &ObjectSchema, (table, parent): (usize, usize), out: &mut String) {
    let mut separator = '[';
    for place in elements(record, table, parent) {
        out.push(separator);
        separator = ',';
        write_object(record, schema, (table, place), out);
    }
    out.push(']');
}

fn write_value(kind: FieldType, value: &Scalar, out: &mut String) {
    match value {
        Scalar::Null => out.push_str("null"),
        Scalar::Text(text) => write_text(text, out),
        Scalar::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Scalar::Integer(number) => write(out, format_args!("{number}")),
        Scalar::Millionths(number) => write_number(kind, *number, out),
        Scalar::Time(millis) => {
            out.push('"');
            out.push_str(&time::format_rfc3339_millis(*millis));
            out.push('"');
        }
    }
}

/// Writes a number as [`to_json_number`] prints it. The number nearest to a decimal of at most 15 digits prints as that decimal.
fn write_number(kind: FieldType, millionths: i64, out: &mut String) {
    let (units, fraction) = (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    let is_short = millionths == 0 || (100..1_000_000_000_000_000).contains(&millionths.unsigned_abs());
    if !is_short || (kind == FieldType::Number && fraction == 0) {
        return write(out, format_args!("{}", to_json_number(kind, millionths)));
    }
    let sign = if millionths < 0 { "-" } else { "" };
    write(out, format_args!("{sign}{units}.{fraction:06}"));
    let zeros = out.bytes().rev().take(5).take_while(|byte| *byte == b'0').count();
    out.truncate(out.len() - zeros);
}

/// Writing into a string does not fail.
fn write(out: &mut String, text: fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn write_text(text: &str, out: &mut String) {
    // Without an early end this takes less time for texts of usual lengths.
    let is_plain = text.bytes().fold(true, |is_plain, byte| is_plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
    if is_plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_json_prints_them() {
        let ends = [0, 1, 9, 10, 99, 100, 101, 999_999, 1_000_000, 1_000_001, 1_500_000, 12_345_678, 20_000_000, 19_990_000];
        let large = [999_999_999_999_999, 1_000_000_000_000_000, 1_000_000_000_000_001, 9_007_199_254_740_993, 9_199_999_999_999_999_999];
        let mixed = (0..20_000_i64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> (number % 60));
        for millionths in ends.into_iter().chain(large).chain(mixed).flat_map(|number| [number, -number]) {
            for kind in [FieldType::Number, FieldType::Amount] {
                let mut written = String::new();
                write_number(kind, millionths, &mut written);
                assert_eq!(written, to_json_number(kind, millionths).to_string(), "{millionths}");
            }
        }
    }
}
