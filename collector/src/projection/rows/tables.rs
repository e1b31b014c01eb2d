//! The tables of records, derived from the catalog: one for the documents of a record kind and one for each array in them.
//!
//! A field is a column. `doc` numbers documents, a new number for each change; `item` numbers the elements of an array within their document;
//! `parent` is the `item` of the element that contains an element of a nested array.

use crate::metrics::catalog::{Field, FieldType, RecordKind, parent};
use crate::metrics::document;
use crate::projection::sql::{column_name, table_name};

/// Every kind of document.
pub(in crate::projection) const RECORD_KINDS: [RecordKind; 2] = [RecordKind::Orders, RecordKind::Returns];

/// One table.
pub(in crate::projection) struct Table {
    /// Its name.
    pub(in crate::projection) name: String,
    /// The array whose elements are its rows; `None` for the documents themselves.
    array: Option<&'static str>,
    /// The columns after the fixed ones.
    fields: Vec<&'static Field>,
    kind: RecordKind,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::projection) enum ColumnType {
    /// A string.
    Text,
    /// A whole record as JSON.
    Document,
    /// All texts of a record, each on a line of its own.
    Lines,
    /// An integer of 64 bits.
    Integer,
    /// An integer of 32 bits.
    Item,
    /// True or false.
    Bool,
    /// A time.
    Time,
}

/// Returns the tables of a record kind: the one for documents first, parents before children.
pub(in crate::projection) fn tables(kind: RecordKind) -> Vec<Table> {
    let arrays = kind.arrays().map(Some);
    std::iter::once(None).chain(arrays).map(|array| Table::new(kind, array)).collect()
}

impl Table {
    fn new(kind: RecordKind, array: Option<&'static str>) -> Self {
        let fields = document::columns(kind, array).collect();
        Self { name: table_name(kind, array), array, fields, kind }
    }

    /// Whether its rows are the elements of an array.
    pub(in crate::projection) fn is_array(&self) -> bool {
        self.array.is_some()
    }

    /// Whether its rows are elements of a nested array.
    pub(super) fn is_nested(&self) -> bool {
        self.array.is_some_and(|array| parent(array).is_some())
    }

    /// Returns the columns that every row has a value for.
    pub(in crate::projection) fn fixed_columns(&self) -> &'static [(&'static str, ColumnType)] {
        use ColumnType::{Bool, Document, Integer, Item, Lines, Text};
        match self.array {
            None if self.kind == RecordKind::Orders => {
                &[("doc", Integer), ("project", Integer), ("key", Text), ("cart", Bool), ("json", Document), ("text", Lines)]
            }
            None => &[("doc", Integer), ("project", Integer), ("key", Text), ("json", Document), ("text", Lines)],
            Some(array) if parent(array).is_some() => &[("doc", Integer), ("project", Integer), ("item", Item), ("parent", Item)],
            Some(_) => &[("doc", Integer), ("project", Integer), ("item", Item)],
        }
    }

    /// Returns the names of all columns.
    pub(in crate::projection) fn column_names(&self) -> impl Iterator<Item = String> {
        let fixed = self.fixed_columns().iter().map(|(name, _)| (*name).to_owned());
        fixed.chain(self.field_columns().map(|(name, _)| name))
    }

    /// Returns the columns of fields, which follow the fixed ones and can be null.
    pub(in crate::projection) fn field_columns(&self) -> impl Iterator<Item = (String, ColumnType)> {
        self.fields.iter().map(|field| (column_name(field.name), column_type(field.kind)))
    }
}

fn column_type(kind: FieldType) -> ColumnType {
    match kind {
        FieldType::Text | FieldType::Organization | FieldType::Texts => ColumnType::Text,
        FieldType::Bool => ColumnType::Bool,
        FieldType::Integer | FieldType::Number | FieldType::Amount => ColumnType::Integer,
        FieldType::Timestamp => ColumnType::Time,
    }
}
