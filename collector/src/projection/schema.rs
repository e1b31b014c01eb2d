//! The tables of the projection, made of the catalogue: one for the documents of a family and one for each array in them.
//!
//! A field is a column that has the field's full name. `doc` numbers documents, a new number for each change; `item` numbers the elements
//! of an array within their document; `parent` is the `item` of the element that an element of a nested array stands in.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::metrics::catalog::{Family, Field, Kind, parent};
use crate::metrics::sql::duckdb::table;

/// Every family of documents.
pub(super) const FAMILIES: [Family; 2] = [Family::Orders, Family::Returns];

/// A table.
pub(super) struct Table {
    /// Its name without quotes.
    pub(super) name: String,
    /// The array whose elements are its rows; `None` for the documents themselves.
    pub(super) array: Option<&'static str>,
    /// The columns behind the fixed ones, and the way to each value from the element that is a row.
    pub(super) columns: Vec<(&'static Field, Vec<&'static str>)>,
}

/// Returns the tables of a family; the documents' comes first, parents before their children.
pub(super) fn tables(family: Family) -> Vec<Table> {
    let arrays = family.arrays().map(Some);
    std::iter::once(None).chain(arrays).map(|array| Table::new(family, array)).collect()
}

impl Table {
    fn new(family: Family, array: Option<&'static str>) -> Self {
        let kept = |field: &&Field| field.array() == array && field.kind != Kind::Organization;
        let columns = family.fields().filter(kept).map(|field| (field, way(family, array, field))).collect();
        Self { name: table(family, array).replace('"', ""), array, columns }
    }

    fn sql(&self, family: Family) -> String {
        let mut columns = match self.array {
            None if family == Family::Orders => {
                "doc BIGINT, project BIGINT, key VARCHAR, cart BOOLEAN, json VARCHAR, words VARCHAR".to_owned()
            }
            None => "doc BIGINT, project BIGINT, key VARCHAR, json VARCHAR, words VARCHAR".to_owned(),
            Some(array) if parent(array).is_some() => "doc BIGINT, item INTEGER, parent INTEGER".to_owned(),
            Some(_) => "doc BIGINT, item INTEGER".to_owned(),
        };
        for (field, _) in &self.columns {
            let kind = match field.kind {
                Kind::Text | Kind::Organization => "VARCHAR",
                Kind::Flag => "BOOLEAN",
                Kind::Whole | Kind::Number | Kind::Amount => "BIGINT",
                Kind::Moment => "TIMESTAMP",
            };
            let _ = write!(columns, ", \"{}\" {kind}", field.name);
        }
        format!("CREATE TABLE \"{}\" ({columns});\n", self.name)
    }
}

fn way(family: Family, array: Option<&str>, field: &Field) -> Vec<&'static str> {
    let beyond = array.map_or(0, |array| array.len() + 1);
    let mut way: Vec<_> = field.name.get(beyond..).unwrap_or_default().split('.').collect();
    if array.is_none() && way.first() == Some(&family.main()) {
        way.remove(0);
    }
    way
}

/// Returns the statements that make all tables.
pub(super) fn sql() -> String {
    let mut all = "CREATE TABLE projection (fingerprint VARCHAR, watermark BIGINT, goods BIGINT);\n".to_owned();
    for family in FAMILIES {
        all.extend(tables(family).iter().map(|table| table.sql(family)));
    }
    all
}

/// Returns what tells this version's tables from another's. Raise the number when what is put into them changes.
pub(super) fn fingerprint() -> String {
    let digest = Sha256::digest(format!("1\n{}", sql()));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
