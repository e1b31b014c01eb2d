//! The texts of a record: its JSON, and the lines that a search compares.

use crate::metrics::catalog::FieldType;
use crate::metrics::document::scalar::{Scalar, to_json_number};
use crate::metrics::document::schema::{Member, ObjectSchema, RecordSchema};
use crate::metrics::document::{Record, Row};
use crate::time;

impl Record {
    /// Returns the record as JSON, with its members in the order of their names.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
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
        out.extend(text.chars().map(|char| char.to_ascii_lowercase()));
    } else {
        out.push_str(&text.to_lowercase().replace(char::is_whitespace, " "));
    }
}

fn write_object(record: &Record, schema: &ObjectSchema, at: (usize, usize), out: &mut String) {
    let row = &record.rows[at.0][at.1];
    let mut separator = '{';
    for (name, member) in &schema.members {
        let begin = out.len();
        out.push(separator);
        write_text(name, out);
        out.push(':');
        let has_value = match member {
            Member::Attribute(field, column) => write_value(field.kind, &row.values[*column], out),
            Member::Object(inner) if inner.has_value(row) => {
                write_object(record, inner, at, out);
                true
            }
            Member::Object(_) => false,
            Member::Array(inner, table) => write_array(record, inner, (*table, at.1), out),
        };
        if has_value {
            separator = ',';
        } else {
            out.truncate(begin);
        }
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
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

/// Returns false if the array has no elements within `parent`.
fn write_array(record: &Record, schema: &ObjectSchema, (table, parent): (usize, usize), out: &mut String) -> bool {
    // Rows are in the order of their parents.
    let rows = &record.rows[table];
    let is_before = |row: &Row| usize::try_from(row.parent).is_ok_and(|other| other < parent);
    let first = rows.partition_point(is_before);
    let elements = rows[first..].iter().take_while(|row| usize::try_from(row.parent) == Ok(parent)).count();
    for place in first..first + elements {
        out.push(if place == first { '[' } else { ',' });
        write_object(record, schema, (table, place), out);
    }
    if elements > 0 {
        out.push(']');
    }
    elements > 0
}

/// Returns false if there is no value.
fn write_value(kind: FieldType, value: &Scalar, out: &mut String) -> bool {
    match value {
        Scalar::Null => return false,
        Scalar::Text(text) => write_text(text, out),
        Scalar::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Scalar::Integer(number) => out.push_str(&number.to_string()),
        Scalar::Millionths(number) => out.push_str(&to_json_number(kind, *number).to_string()),
        Scalar::Time(millis) => {
            out.push('"');
            out.push_str(&time::format_rfc3339_millis(*millis));
            out.push('"');
        }
    }
    true
}

fn write_text(text: &str, out: &mut String) {
    let is_plain = text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
    if is_plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
