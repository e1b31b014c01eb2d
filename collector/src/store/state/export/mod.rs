//! Exports the current state of a project, one resource at a time, in the order of the ids.
//!
//! The order is that of the primary keys, so a cursor stays valid while rows change.

mod cursor;
mod imported;

use std::fmt::Write;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};

use self::cursor::Key;
pub use self::cursor::ListCursor;
use super::customers;
use super::documents::builder;
use super::documents::changes::is_hidden_cart;
use super::imported_order::OWN_STANDS;
use super::lww::LwwMap;
use super::order::PLACED;
use super::orders;
use super::person::Person;
use crate::resource::Resource;

/// The condition of an order for which an imported record stands.
fn is_imported() -> String {
    format!(
        "EXISTS (SELECT 1 FROM imported_record WHERE imported_record.project = ?1 AND resource = 'orders'
         AND imported_record.id = customer_order.id AND document <> x'' AND NOT {OWN_STANDS})"
    )
}

/// One page of an export.
#[derive(Debug)]
pub struct ListPage {
    /// The items as lines of JSON, each with its cursor.
    pub lines: String,
    /// The number of lines. A row that is not exported has none, so the page may have fewer than were asked for although more follow.
    pub count: usize,
    /// The position after the page, or None at the end of the list.
    pub next: Option<ListCursor>,
}

/// Returns a page of a resource. The event log has no pages here.
pub(in crate::store) fn page(
    connection: &Connection,
    project: i64,
    resource: Resource,
    after: &ListCursor,
    limit: usize,
) -> rusqlite::Result<ListPage> {
    let mut page = ListPage { lines: String::new(), count: 0, next: None };
    let mut rows = match after.key() {
        Some(Key::Imported(_)) => 0,
        _ => add_state(&mut page, connection, project, resource, after, limit)?,
    };
    if rows < limit {
        let after = if let Some(Key::Imported(id)) = after.key() { id } else { "" };
        for (id, object) in imported::page(connection, project, resource, after, limit - rows)? {
            page.push(resource, ListCursor::after(Key::Imported(id)), Some(object));
            rows += 1;
        }
    }
    page.next = page.next.filter(|_| rows == limit);
    Ok(page)
}

impl ListPage {
    fn push(&mut self, resource: Resource, cursor: ListCursor, object: Option<Map<String, Value>>) {
        if let Some(mut object) = object {
            object.insert("cursor".into(), cursor.to_text(resource).into());
            let _ = writeln!(self.lines, "{}", Value::from(object));
            self.count += 1;
        }
        self.next = Some(cursor);
    }
}

/// Adds rows of the state to a page, and returns how many it has read.
fn add_state(
    page: &mut ListPage,
    connection: &Connection,
    project: i64,
    resource: Resource,
    after: &ListCursor,
    limit: usize,
) -> rusqlite::Result<usize> {
    let Some(query) = query(resource) else { return Ok(0) };
    let has_text_ids = cursor::has_text_ids(resource);
    let after = match after.key() {
        Some(Key::Imported(_)) => Sql::Null,
        None if has_text_ids => Sql::Text(String::new()),
        None => Sql::Blob(Vec::new()),
        Some(Key::Text(text)) => Sql::Text(text.clone()),
        Some(Key::Bytes(bytes)) => Sql::Blob(bytes.clone()),
    };
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(params![project, after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let key = if has_text_ids { Key::Text(row.get(0)?) } else { Key::Bytes(row.get(0)?) };
        page.push(resource, ListCursor::after(key), object(connection, project, resource, row)?);
        count += 1;
    }
    Ok(count)
}

fn query(resource: Resource) -> Option<String> {
    let from = match resource {
        Resource::Events => return None,
        Resource::Customers => "SELECT id, backend_fields, page_fields, first_seen_at FROM customer",
        Resource::Categories => "SELECT id, fields FROM category",
        Resource::Products => "SELECT id, fields FROM product",
        Resource::Orders => {
            return Some(format!(
                "SELECT id FROM customer_order WHERE project = ?1 AND id > ?2 AND NOT {} ORDER BY id LIMIT ?3",
                is_imported()
            ));
        }
        Resource::Returns => "SELECT id FROM order_return",
        Resource::Carts => {
            let condition = format!("project = ?1 AND cart_id > ?2 AND NOT {}", is_hidden_cart());
            return Some(format!("SELECT cart_id FROM cart WHERE {condition} ORDER BY cart_id LIMIT ?3"));
        }
    };
    Some(format!("{from} WHERE project = ?1 AND id > ?2 ORDER BY id LIMIT ?3"))
}

/// Returns a row as it is exported.
fn object(connection: &Connection, project: i64, resource: Resource, row: &Row<'_>) -> rusqlite::Result<Option<Map<String, Value>>> {
    match resource {
        Resource::Events => Ok(None),
        Resource::Customers => customer(row).map(Some),
        Resource::Categories => Ok(Some(fields("id", row.get(0)?, &row.get(1)?, &["name", "url"]))),
        Resource::Products => product(row).map(Some),
        Resource::Orders => order(connection, project, row),
        Resource::Carts => builder::cart(connection, project, &row.get(0)?),
        Resource::Returns => builder::order_return(connection, project, &row.get(0)?),
    }
}

/// Returns the number of rows of a resource, without imported records.
pub(in crate::store) fn count(connection: &Connection, project: i64, resource: Resource) -> rusqlite::Result<u64> {
    let table = match resource {
        Resource::Events => return Ok(0),
        Resource::Customers => "customer",
        Resource::Categories => "category",
        Resource::Products => "product",
        Resource::Orders => "customer_order",
        Resource::Carts => "cart",
        Resource::Returns => "order_return",
    };
    let query = format!("SELECT count(*) FROM {table} WHERE project = ?1");
    connection.query_row(&query, [project], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

fn fields(key: &str, id: String, fields: &LwwMap, names: &[&str]) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert(key.into(), id.into());
    for name in names {
        out.extend(fields.get(name).map(|value| ((*name).to_owned(), value.clone())));
    }
    out
}

/// Returns a customer of a row with the id, the two maps of fields, and the first time.
pub(in crate::store) fn customer(row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let merged = customers::merge(row.get(1)?, row.get(2)?);
    let names = ["createdAt", "firstName", "lastName", "phoneNumber", "subscribed"];
    let mut out = fields("email", row.get(0)?, &merged, &names);
    if let (None, Some(first_seen_at)) = (merged.get("createdAt"), row.get::<_, Option<i64>>(3)?) {
        out.insert("createdAt".into(), first_seen_at.into());
    }
    let tags = merged.elements("tags").into_values().filter_map(|mut tag| tag.remove(""));
    out.insert("tags".into(), tags.collect::<Vec<_>>().into());
    Ok(out)
}

/// Returns a product of a row with the id and the fields.
pub(in crate::store) fn product(row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let product: LwwMap = row.get(1)?;
    let mut out = fields("id", row.get(0)?, &product, &["name", "categories", "price", "sku", "url", "imageUrl"]);
    let options = product.elements("options").into_iter().map(|(id, mut option)| {
        option.insert("id".into(), id.into());
        Value::from(option)
    });
    let options: Vec<Value> = options.collect();
    if !options.is_empty() {
        out.insert("options".into(), options.into());
    }
    Ok(out)
}

/// Returns an imported order, cart or return as it is exported.
pub(super) fn imported_document(resource: Resource, record: Map<String, Value>) -> Map<String, Value> {
    imported::document(resource, record)
}

/// Returns the customer with this e-mail.
pub(super) fn customer_of(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let query = "SELECT id, backend_fields, page_fields, first_seen_at FROM customer WHERE project = ?1 AND id = ?2";
    connection.prepare_cached(query)?.query_row(params![project, email], customer).optional()
}

/// Returns the shop's own order with this id.
pub(super) fn order_of(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let query = "SELECT id, is_signed FROM customer_order WHERE project = ?1 AND id = ?2";
    let found = connection.prepare_cached(query)?.query_row(params![project, id], |row| order(connection, project, row)).optional()?;
    Ok(found.flatten())
}

fn order(connection: &Connection, project: i64, row: &Row<'_>) -> rusqlite::Result<Option<Map<String, Value>>> {
    let id: String = row.get(0)?;
    let Some(order) = orders::find(connection, project, &id)? else { return Ok(None) };
    let names = ["amount", "status", "products", "coupons", "billing", "ipAddress", "currency", "tax", "shipping"];
    let mut out = fields("id", id, &order.fields, &names);
    out.insert("source".into(), order.source().into());
    out.extend(order.created_at().map(|time| ("createdAt".to_owned(), time.into())));
    if let Some(Person::Email(email)) = order.customer(connection, project)? {
        out.insert("email".into(), email.into());
    }
    out.entry("status").or_insert_with(|| PLACED.into());
    if let (false, Some(lines)) = (out.contains_key("products"), order.fields.get("lines").and_then(Value::as_array)) {
        out.insert("products".into(), lines.iter().map(backend_product).collect());
    }
    Ok(Some(out))
}

/// Returns a line of a page's report in the form of the back end.
fn backend_product(line: &Value) -> Value {
    let id = line.get("variant_id").or(line.get("product_id"));
    serde_json::json!({"productId": id, "quantity": line.get("quantity")})
}
