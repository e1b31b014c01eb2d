//! Finds documents by change number or by key.

use rusqlite::{Connection, Row, ToSql, params};
use serde_json::{Map, Value};

use super::builder::{cart, has_own_return, order, order_return};
use crate::resource::{Resource, is_cart};
use crate::store::state::imported_order;

/// A document that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The number of its last change.
    pub number: i64,
    /// The project's number in the store.
    pub project: i64,
    /// The key of the document, which stays although the id may change.
    pub key: String,
    /// The document now, or None if it was removed.
    pub document: Option<Map<String, Value>>,
}

/// The condition for a cart that is over: it has ended, or another cart with the same basket id changed later.
pub(in crate::store::state) const IS_PAST_CART: &str = "(state <> 'open' OR EXISTS (
    SELECT 1 FROM cart other INDEXED BY cart_by_basket
    WHERE other.project = cart.project AND other.basket_id = cart.basket_id AND other.cart_id <> cart.cart_id
    AND other.state <> 'removed' AND (other.updated_at, other.cart_id) > (cart.updated_at, cart.cart_id)))";

/// Returns the condition for a cart that is not exported: it is over, or the owner imported a cart with its basket id, or the order of its customer.
/// Orders of other customers have the numbers of baskets in many shops.
pub(in crate::store::state) fn is_hidden_cart() -> String {
    format!(
        "({IS_PAST_CART} OR EXISTS (
             SELECT 1 FROM imported_record
             WHERE imported_record.project = cart.project AND resource = 'orders' AND imported_record.id = cart.basket_id
             AND document <> x'' AND (is_cart OR 'e' || email = cart.owner)))"
    )
}

/// Returns orders, carts or returns that changed after the change `after`, in the order of their last changes.
///
/// Documents with the same change number are returned together, so there may be more than `limit`.
pub(in crate::store) fn changes(connection: &Connection, resource: Resource, after: i64, limit: usize) -> rusqlite::Result<Vec<Change>> {
    let Some(table) = table(resource) else { return Ok(Vec::new()) };
    let condition = format!(
        "change > ?1 AND change <= (SELECT max(change) FROM (SELECT change FROM {table} WHERE change > ?1 ORDER BY change LIMIT ?2))
         ORDER BY change"
    );
    let mut changes = Vec::new();
    read(connection, resource, &condition, params![after, i64::try_from(limit).unwrap_or(i64::MAX)], |change| {
        changes.push(change);
        true
    })?;
    Ok(changes)
}

/// Passes orders, carts or returns that changed after the change `after` to `take`, in the order of their last changes, until it returns false.
/// Documents with the same change number follow each other.
pub(in crate::store) fn each_change(
    connection: &Connection,
    resource: Resource,
    after: i64,
    take: impl FnMut(Change) -> bool,
) -> rusqlite::Result<()> {
    read(connection, resource, "change > ?1 ORDER BY change", params![after], take)
}

/// Returns the order, cart or return with this key.
pub(in crate::store) fn find(connection: &Connection, resource: Resource, project: i64, key: &str) -> rusqlite::Result<Option<Change>> {
    let condition = match resource {
        Resource::Carts => "project = ?1 AND cart_id = unhex(?2)",
        Resource::Returns => "project = ?1 AND id = unhex(?2)",
        _ => "project = ?1 AND id = ?2",
    };
    let mut found = None;
    read(connection, resource, condition, params![project, key], |change| {
        found = Some(change);
        false
    })?;
    Ok(found)
}

/// Passes the documents for which a condition holds to `take`, until it returns false.
fn read(
    connection: &Connection,
    resource: Resource,
    condition: &str,
    values: &[&dyn ToSql],
    mut take: impl FnMut(Change) -> bool,
) -> rusqlite::Result<()> {
    let Some(table) = table(resource) else { return Ok(()) };
    let columns = match resource {
        Resource::Carts => format!("cart_id, hex(cart_id), {}", is_hidden_cart()),
        Resource::Returns => "id, hex(id), 0".to_owned(),
        _ => "id, id, 0".to_owned(),
    };
    let mut statement = connection.prepare_cached(&format!("SELECT change, project, {columns} FROM {table} WHERE {condition}"))?;
    let change = |row: &Row<'_>| {
        let project = row.get(1)?;
        let document = match resource {
            _ if row.get(4)? => None,
            Resource::Carts => cart(connection, project, &row.get(2)?)?,
            Resource::Returns => order_return(connection, project, &row.get(2)?)?,
            _ => current_order(connection, project, &row.get::<_, String>(2)?)?,
        };
        Ok(Change { number: row.get(0)?, project, key: row.get(3)?, document })
    };
    for change in statement.query_map(values, change)? {
        if !take(change?) {
            break;
        }
    }
    Ok(())
}

/// Returns the document of an order: the imported one, if that stands for it.
fn current_order(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let Some(mut imported) = imported_order::find(connection, project, id)? else { return order(connection, project, id) };
    if !is_cart(&imported) && has_own_return(connection, project, id)? {
        mark_returned(&mut imported);
    }
    Ok(Some(imported))
}

/// Returns the shop's own order with this id, whatever the owner imported.
pub(in crate::store) fn own_order(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    order(connection, project, id)
}

/// Marks an imported order as returned, because the owner has a return of it.
pub(in crate::store) fn mark_returned(order: &mut Map<String, Value>) {
    order.insert("returned".into(), true.into());
}

/// Returns the table of a resource that has documents.
fn table(resource: Resource) -> Option<&'static str> {
    match resource {
        Resource::Orders => Some("customer_order"),
        Resource::Carts => Some("cart"),
        Resource::Returns => Some("order_return"),
        Resource::Events | Resource::Customers | Resource::Categories | Resource::Products => None,
    }
}
