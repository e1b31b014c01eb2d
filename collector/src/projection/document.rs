//! What the projection stores: documents, and the watermarks up to which they are complete.

use crate::metrics::catalog::RecordKind;

/// The change numbers up to which the projection is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// The records themselves.
    pub records: i64,
    /// The products that records show.
    pub products: i64,
}

impl Watermarks {
    /// Returns the watermarks of a projection that is complete up to this change.
    pub fn at(change: i64) -> Self {
        Self { records: change, products: change }
    }

    /// Returns the change up to which records and products are complete.
    pub fn min(self) -> i64 {
        self.records.min(self.products)
    }
}

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
    pub json: Option<String>,
}
