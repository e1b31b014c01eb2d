//! Finds an imported order, whose place an order with the same id may take.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use crate::resource::is_cart;

/// Returns the imported order with this id, unless it is a cart.
pub(in crate::store::state) fn find(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let query = "SELECT json FROM imported_record WHERE project = ?1 AND resource = 'orders' AND id = ?2 AND json <> ''";
    let text = |row: &Row<'_>| row.get::<_, String>(0);
    let json = connection.prepare_cached(query)?.query_row(params![project, id], text).optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).filter(|order| !is_cart(order)))
}
