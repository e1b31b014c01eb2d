//! Records that a back end sends.

use crate::resource::Resource;
use crate::store::trust::TrustLevel;

/// The fields of one customer, category, product or order. A field that is not in it keeps its value.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendRecord {
    /// One of `Customers`, `Categories`, `Products` and `Orders`.
    pub resource: Resource,
    /// The id in the shop; for a customer the normalised e-mail.
    pub id: String,
    /// The fields by their names in the export. [`merged_key`](super::lww::merged_key) names a member of a field that merges.
    pub fields: Vec<(String, serde_json::Value)>,
    /// About how many bytes are stored under this id, which the writer has to read; 0 until the store has looked.
    pub(in crate::store) stored_bytes: usize,
}

impl BackendRecord {
    /// Returns a record with these fields.
    pub fn new(resource: Resource, id: String, fields: Vec<(String, serde_json::Value)>) -> Self {
        Self { resource, id, fields, stored_bytes: 0 }
    }
}

/// The records of one request.
#[derive(Debug)]
pub struct RecordBatch {
    /// The project's number in the store.
    pub project: i64,
    /// The time of the request, in milliseconds since 1970, not later than its receipt.
    pub time: u64,
    /// The trust level of the sender.
    pub trust: TrustLevel,
    /// The records. If two have the same id, the later one wins.
    pub records: Vec<BackendRecord>,
}
