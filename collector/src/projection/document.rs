//! What the projection stores: one document for each record.

use crate::metrics::catalog::RecordKind;
pub use crate::packed::JsonText;

/// A change of one record.
#[derive(Clone, Debug)]
pub struct Document {
    /// The project's number in the store.
    pub project: i64,
    /// The kind of record.
    pub record_kind: RecordKind,
    /// The key, unique within the project and the record kind. It is not always the record's id.
    pub key: String,
    /// The number of this change; later changes have larger numbers.
    pub change: i64,
    /// The whole record as JSON, as a search returns it; `None` after a deletion.
    pub json: Option<JsonText>,
}

/// The kind of a record, its project and its key.
pub type RecordKey = (RecordKind, i64, String);

/// A product or product option: its project, and the id by which line items name it.
pub type ProductKey = (i64, String);
