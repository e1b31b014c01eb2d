//! Of an order of the shop's own and an imported order or cart with the same id, one stands for both.
//!
//! What no secret vouches for never replaces an imported record. Between the owner's two records the last write counts, and a cart never
//! replaces an order.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use crate::store::packed_json::PackedJson;

/// The condition, in a query over both tables, for the shop's own order to stand for an imported record with its id.
pub(in crate::store) const OWN_STANDS: &str = "(customer_order.is_signed AND (imported_record.is_cart OR NOT customer_order.is_replaced))";

/// Returns whether the owner imported an order with this id.
pub(in crate::store::state) fn exists(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM imported_record WHERE project = ?1 AND resource = 'orders' AND id = ?2 AND NOT is_cart)";
    connection.prepare_cached(query)?.query_row(params![project, id], |row| row.get(0))
}

/// Returns whether the shop's own order stands for the imported one with this id.
pub(in crate::store::state) fn is_replaced(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<bool> {
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM imported_record JOIN customer_order USING (project, id)
         WHERE project = ?1 AND resource = 'orders' AND id = ?2 AND {OWN_STANDS})"
    );
    connection.prepare_cached(&query)?.query_row(params![project, id], |row| row.get(0))
}

/// Returns the imported record that stands for the order with this id.
pub(in crate::store::state) fn find(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let query = format!(
        "SELECT document FROM imported_record JOIN customer_order USING (project, id)
         WHERE project = ?1 AND resource = 'orders' AND id = ?2 AND document <> x'' AND NOT {OWN_STANDS}"
    );
    let json = |row: &Row<'_>| row.get(0).map(|PackedJson(json)| json);
    let json = connection.prepare_cached(&query)?.query_row(params![project, id], json).optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}
