//! One query of the test, with the markets that its caller can see.

use serde_json::Value;
use tillroll_collector::metrics::parse::QueryType;
use tillroll_collector::time;

/// A query and the markets that its caller can see.
pub(crate) struct TestQuery {
    pub(crate) resource: &'static str,
    pub(crate) kind: QueryType,
    pub(crate) markets: Vec<String>,
    pub(crate) body: Value,
}

/// The current time of all queries, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    time::parse_rfc3339("2022-07-01T12:00:00Z").unwrap().millis
}
