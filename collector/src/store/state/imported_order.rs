//! Finds an imported order, whose place an order with the same id may take.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use crate::store::packed_json::PackedJson;

/// Returns whether the owner imported an order with this id.
pub(in crate::store::state) fn exists(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM imported_record WHERE project = ?1 AND resource = 'orders' AND id = ?2 AND NOT is_cart)";
    connection.prepare_cached(query)?.query_row(params![project, id], |row| row.get(0))
}

/// Returns the imported order with this id, unless it is a cart.
pub(in crate::store::state) fn find(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let query = "SELECT document FROM imported_record WHERE project = ?1 AND resource = 'orders' AND id = ?2 AND NOT is_cart";
    let json = |row: &Row<'_>| row.get(0).map(|PackedJson(json)| json);
    let json = connection.prepare_cached(query)?.query_row(params![project, id], json).optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}
