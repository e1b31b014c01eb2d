//! The arrays of records: their one-to-many relations.

/// The one-to-many relations of records. The name of a nested array starts with the name of its parent.
pub const ARRAYS: &[&str] =
    &["line_items", "line_items.options", "shipments", "shipments.tags", "refunds", "tags", "resource_errors", "return_line_items"];

/// Returns the array that contains this array; `None` for an array of the record itself.
pub fn parent(array: &str) -> Option<&'static str> {
    let (prefix, _) = array.rsplit_once('.')?;
    ARRAYS.iter().copied().find(|other| *other == prefix)
}
