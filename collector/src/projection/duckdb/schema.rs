//! The tables of the projection, derived from the catalog: one for the documents of a record kind and one for each array in them.
//!
//! A field is a column with the field's full name. `doc` numbers documents, a new number for each change; `item` numbers the elements of an
//! array within their document; `parent` is the `item` of the element that contains an element of a nested array.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::metrics::catalog::{Field, FieldType, RecordKind, parent};
use crate::projection::duckdb::sql::table;
use crate::projection::duckdb::tracking_writer::{DERIVE_VISITS, ORDER_VIEWS, SCHEMA};

/// Every kind of document.
pub(super) const RECORD_KINDS: [RecordKind; 2] = [RecordKind::Orders, RecordKind::Returns];

/// One table.
pub(super) struct Table {
    /// Its name without quotes.
    pub(super) name: String,
    /// The array whose elements are its rows; `None` for the documents themselves.
    pub(super) array: Option<&'static str>,
    /// The columns after the fixed ones, and the path to each value from the element that is a row.
    pub(super) columns: Vec<(&'static Field, Vec<&'static str>)>,
}

/// Returns the tables of a record kind: the one for documents first, parents before children.
pub(super) fn tables(kind: RecordKind) -> Vec<Table> {
    let arrays = kind.arrays().map(Some);
    std::iter::once(None).chain(arrays).map(|array| Table::new(kind, array)).collect()
}

impl Table {
    fn new(kind: RecordKind, array: Option<&'static str>) -> Self {
        let is_column = |field: &&Field| field.array() == array && field.kind != FieldType::Organization && !field.is_derived;
        let columns = kind.fields().filter(is_column).map(|field| (field, path(kind, array, field))).collect();
        Self { name: table(kind, array).replace('"', ""), array, columns }
    }

    fn sql(&self, kind: RecordKind) -> String {
        let mut columns = match self.array {
            None if kind == RecordKind::Orders => {
                "doc BIGINT, project BIGINT, key VARCHAR, cart BOOLEAN, json VARCHAR, text VARCHAR".to_owned()
            }
            None => "doc BIGINT, project BIGINT, key VARCHAR, json VARCHAR, text VARCHAR".to_owned(),
            Some(array) if parent(array).is_some() => "doc BIGINT, item INTEGER, parent INTEGER".to_owned(),
            Some(_) => "doc BIGINT, item INTEGER".to_owned(),
        };
        for (field, _) in &self.columns {
            let column_type = match field.kind {
                FieldType::Text | FieldType::Organization => "VARCHAR",
                FieldType::Texts => "VARCHAR[]",
                FieldType::Bool => "BOOLEAN",
                FieldType::Integer | FieldType::Number | FieldType::Amount => "BIGINT",
                FieldType::Timestamp => "TIMESTAMP",
            };
            let _ = write!(columns, ", \"{}\" {column_type}", field.name);
        }
        format!("CREATE TABLE \"{}\" ({columns});\n", self.name)
    }
}

fn path(kind: RecordKind, array: Option<&str>, field: &Field) -> Vec<&'static str> {
    let prefix_length = array.map_or(0, |array| array.len() + 1);
    let mut path: Vec<_> = field.name.get(prefix_length..).unwrap_or_default().split('.').collect();
    if array.is_none() && path.first() == Some(&kind.main()) {
        path.remove(0);
    }
    path
}

/// Returns the statements that create all tables.
pub(super) fn sql() -> String {
    let mut all =
        "CREATE TABLE projection (fingerprint VARCHAR, watermark BIGINT, event_watermark BIGINT, trimmed_until BIGINT);\n".to_owned();
    all += SCHEMA;
    for kind in RECORD_KINDS {
        all.extend(tables(kind).iter().map(|table| table.sql(kind)));
    }
    all + ORDER_VIEWS
}

/// Returns a digest of the schema. Raise the number in it when the contents of the tables change, but not the tables.
pub(super) fn fingerprint() -> String {
    let digest = Sha256::digest(format!("3\n{}{DERIVE_VISITS}", sql()));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
