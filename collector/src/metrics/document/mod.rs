//! Records as JSON documents: the attributes at the top level, the relations nested, as a search returns them.
//!
//! Parsing makes a record canonical: only attributes of the catalog, every value with its catalog type, times in milliseconds, money with six
//! decimals, nothing empty. So searches return exactly the values that aggregates use.

mod parse;
mod scalar;
mod schema;
mod text;

use crate::metrics::catalog::RecordKind;
use crate::resource::CART_STATUSES;

use parse::Parser;
pub(in crate::metrics) use scalar::to_json_number;
pub use scalar::{MILLION, Scalar, from_millionths, millionths};
pub use schema::columns;
use schema::{Member, RecordSchema};

/// The arrays of lines, with the type, the id and the code of a line.
const LINES: &[(&str, [&str; 3])] =
    &[("line_items", ["item_type", "item_id", "code"]), ("return_line_items", ["line_item_item_type", "item_id", "line_item_code"])];
/// The type of a line without one, and the types of products.
const SKUS: &str = "skus";
const PRODUCTS: &[&str] = &[SKUS, "bundles"];

/// A valid record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    kind: RecordKind,
    /// The row of the record itself, and those of each array of the kind.
    rows: Vec<Vec<Row>>,
    /// The number of attributes that were ignored: without a field in the catalog, or not valid where that is no error.
    pub ignored: usize,
    /// The names of the record's own members that were ignored because the catalog does not have them.
    pub unknown: Vec<String>,
}

/// A record itself, or an element of one of its arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The place of the element that contains this one among the elements of its array; 0 for those of the record itself.
    pub parent: i32,
    /// The values, in the order of [`columns`].
    pub values: Vec<Scalar>,
}

/// Why a text is no valid record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The text is not JSON.
    #[error("{0}")]
    NotJson(serde_json::Error),
    /// The record is not valid.
    #[error("{0}")]
    Invalid(InvalidRecord),
}

/// Why a record is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} must be {expected}", if path.is_empty() { "the record".to_owned() } else { format!("`{path}`") })]
pub struct InvalidRecord {
    /// The path of the attribute, with dots; empty for the record itself.
    pub path: String,
    /// The expected value.
    pub expected: &'static str,
}

/// Parses a record. Every attribute of the catalog must be valid; others are ignored. A time after `now` (in milliseconds since 1970) counts
/// as `now`: each is that of something that has happened.
pub fn parse(kind: RecordKind, text: &[u8], now: u64) -> Result<Record, RecordError> {
    Parser::new(kind, true, i64::try_from(now).unwrap_or(i64::MAX)).parse(text)
}

/// Parses a record and ignores attributes that are not valid. Returns `None` without an id. Records from tracked events use this: one bad
/// attribute must not lose the record.
pub fn parse_lenient(kind: RecordKind, text: &str) -> Option<Record> {
    Parser::new(kind, false, i64::MAX).parse(text.as_bytes()).ok()
}

impl Record {
    /// Returns the id.
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// Returns the string at a path such as `customer.email`, unless it is within an array.
    pub fn text(&self, path: &str) -> Option<&str> {
        let column = RecordSchema::of(self.kind).column(path)?;
        if let Scalar::Text(text) = &self.rows[0][0].values[column] { Some(text) } else { None }
    }

    /// Sets a string at a path of the catalog.
    pub fn set_text(&mut self, path: &str, text: &str) {
        if let Some(column) = RecordSchema::of(self.kind).column(path) {
            self.rows[0][0].values[column] = Scalar::Text(text.to_owned());
        }
    }

    /// Removes the value at a path of the catalog.
    pub fn remove(&mut self, path: &str) {
        if let Some(column) = RecordSchema::of(self.kind).column(path) {
            self.rows[0][0].values[column] = Scalar::Null;
        }
    }

    /// Completes the lines of an imported record: one without a type is a product, and of a product the id and the code stand for each other, as in
    /// lines of the shop's own orders.
    pub fn complete_lines(&mut self) {
        let schema = RecordSchema::of(self.kind);
        for (array, attributes) in LINES {
            let Some((_, Member::Array(line, rows))) = schema.root.find(array) else { continue };
            let columns = attributes.map(|name| match line.find(name) {
                Some((_, Member::Attribute(_, column))) => Some(*column),
                _ => None,
            });
            let [Some(kind), Some(id), Some(code)] = columns else { continue };
            for Row { values, .. } in &mut self.rows[*rows] {
                if values[kind] == Scalar::Null {
                    values[kind] = Scalar::Text(SKUS.to_owned());
                }
                if !matches!(&values[kind], Scalar::Text(kind) if PRODUCTS.contains(&kind.as_str())) {
                    continue;
                }
                for (missing, given) in [(id, code), (code, id)] {
                    if values[missing] == Scalar::Null {
                        values[missing] = values[given].clone();
                    }
                }
            }
        }
    }

    /// Returns whether the order was not placed yet.
    pub fn is_cart(&self) -> bool {
        self.kind == RecordKind::Orders && self.text("status").is_some_and(|status| CART_STATUSES.contains(&status))
    }

    /// Returns the row of the record itself, and those of each array of the kind.
    pub fn into_rows(self) -> Vec<Vec<Row>> {
        self.rows
    }

    /// Checks the id, and completes what follows from other attributes.
    fn finish(mut self) -> Result<Self, RecordError> {
        let expected = match self.text("id") {
            None => "a string",
            Some("") => "a string that is not empty",
            Some(_) => {
                self.set_restocked_at();
                return Ok(self);
            }
        };
        Err(RecordError::Invalid(InvalidRecord { path: "id".into(), expected }))
    }

    /// Sets the restocking date of a return: the latest date of its lines.
    fn set_restocked_at(&mut self) {
        const LINES: &str = "return_line_items";
        let Some(table) = self.kind.arrays().position(|array| array == LINES) else { return };
        let name = format!("{LINES}.restocked_at");
        let Some(line_column) = columns(self.kind, Some(LINES)).position(|field| field.name == name) else { return };
        let times = self.rows[table + 1].iter().filter_map(|row| match row.values[line_column] {
            Scalar::Time(millis) => Some(millis),
            _ => None,
        });
        if let (Some(latest), Some(column)) = (times.max(), RecordSchema::of(self.kind).column("restocked_at")) {
            self.rows[0][0].values[column] = Scalar::Time(latest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parsed(kind: RecordKind, record: &Value) -> Result<Value, String> {
        let record = parse(kind, record.to_string().as_bytes(), u64::MAX).map_err(|error| error.to_string())?;
        Ok(serde_json::from_str(&record.to_json()).unwrap())
    }

    #[test]
    fn parsing_makes_a_record_canonical() {
        let record = json!({
            "id": 7, "number": 12, "total_amount": 5, "shipping_amount": 0.1, "skus_count": 3.0, "guest": null, "hat": 1,
            "placed_at": "2022-06-27T06:01:32Z", "customer": {"email": "a\"@b.c", "shoe": 43}, "market": {},
            "line_items": [{"quantity": 1.5, "options": [{"id": "o"}]}, {}, {"options": [{"id": "p"}, {}]}], "tags": [],
        });
        let expected = json!({
            "id": "7", "number": "12", "total_amount": 5.0, "shipping_amount": 0.1, "skus_count": 3,
            "placed_at": "2022-06-27T06:01:32.000Z", "customer": {"email": "a\"@b.c"},
            "line_items": [{"quantity": 1.5, "options": [{"id": "o"}]}, {}, {"options": [{"id": "p"}, {}]}],
        });
        assert_eq!(parsed(RecordKind::Orders, &record), Ok(expected));
        let record = parse(RecordKind::Orders, record.to_string().as_bytes(), 0).unwrap();
        assert_eq!((record.ignored, record.unknown.as_slice()), (2, ["hat".to_owned()].as_slice()));
        assert!(record.to_json().contains("1970-01-01T00:00:00.000Z"));
    }

    #[test]
    fn the_last_of_several_members_with_one_name_counts() {
        let text = br#"{"id": "1", "customer": {"id": "c", "email": "a"}, "customer": {"email": "b"}, "guest": true, "guest": null,
            "line_items": [{"code": "a", "options": [{"id": "o"}]}], "line_items": [{"code": "b"}]}"#;
        let record = parse(RecordKind::Orders, text, 0).unwrap();
        assert_eq!(record.to_json(), r#"{"customer":{"email":"b"},"id":"1","line_items":[{"code":"b"}]}"#);
    }

    #[test]
    fn errors_name_the_attribute_and_the_expected_value() {
        for (record, message) in [
            (json!([]), "the record must be an object"),
            (json!({}), "`id` must be a string"),
            (json!({"id": ""}), "`id` must be a string that is not empty"),
            (json!({"id": "1", "guest": "yes"}), "`guest` must be true or false"),
            (json!({"id": "1", "total_amount": "5"}), "`total_amount` must be a number"),
            (json!({"id": "1", "total_amount": 1e13}), "`total_amount` must be a number from -9.2e12 to 9.2e12"),
            (json!({"id": "1", "shipments_count": 1.5}), "`shipments_count` must be a whole number"),
            (json!({"id": "1", "placed_at": "yesterday"}), "`placed_at` must be a date and time in ISO 8601"),
            (json!({"id": "1", "customer": []}), "`customer` must be an object"),
            (json!({"id": "1", "line_items": {}}), "`line_items` must be a list of objects"),
            (json!({"id": "1", "line_items": [{}, null]}), "`line_items` must be a list of objects"),
            (json!({"id": "1", "line_items": [{"code": []}]}), "`line_items.code` must be a string"),
        ] {
            assert_eq!(parsed(RecordKind::Orders, &record), Err(message.into()), "{record}");
        }
        assert!(matches!(parse(RecordKind::Orders, b"{\"id\": \"1\"} x", 0), Err(RecordError::NotJson(_))));
    }

    #[test]
    fn lenient_parsing_ignores_invalid_attributes() {
        let record = json!({"id": "1", "guest": "yes", "number": "5", "customer": [], "line_items": [{"code": [], "name": "n"}],
            "shipments": [{"tags": [{"id": "t"}]}, 1, {}]});
        let record = parse_lenient(RecordKind::Orders, &record.to_string()).unwrap();
        assert_eq!(record.to_json(), r#"{"id":"1","line_items":[{"name":"n"}],"number":"5"}"#);
        assert_eq!(parse_lenient(RecordKind::Orders, r#"{"number": "5"}"#), None);
    }

    #[test]
    fn return_has_the_latest_restocking_date_of_its_lines() {
        let lines = json!([{"restocked_at": "2022-01-02T00:00:00Z"}, {"restocked_at": "2022-01-03T00:00:00Z"}, {}]);
        let record = parsed(RecordKind::Returns, &json!({"id": "r", "return_line_items": lines})).unwrap();
        assert_eq!(record["restocked_at"], "2022-01-03T00:00:00.000Z");
    }

    #[test]
    fn searchable_text_has_every_text_on_a_line_in_lower_case() {
        let record =
            json!({"id": "A", "number": "2022-01-01T00:00:00Z", "line_items": [{"name": "Größe\nM"}], "customer": {"email": "B c"}});
        let record = parse(RecordKind::Orders, record.to_string().as_bytes(), 0).unwrap();
        let text = record.searchable_text();
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["a", "b c", "größe m"]);
    }
}
