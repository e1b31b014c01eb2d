//! The names of tables and columns, which are the same in all engines and need no quotes.

use crate::metrics::catalog::RecordKind;

/// The separator between the parts of a name.
const NAME_SEPARATOR: &str = "__";

/// Returns the column of a field.
pub(in crate::projection) fn column_name(field: &str) -> String {
    field.replace('.', NAME_SEPARATOR)
}

/// Returns the name of a table: the record kind, then the array.
pub(in crate::projection) fn table_name(kind: RecordKind, array: Option<&str>) -> String {
    let records = match kind {
        RecordKind::Orders => "orders",
        RecordKind::Returns => "returns",
        RecordKind::Events => "events",
        RecordKind::Visits => "visits",
        RecordKind::Customers => "people",
    };
    array.map_or_else(|| records.into(), |array| column_name(&format!("{records}.{array}")))
}
