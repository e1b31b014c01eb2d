//! Builds documents from rows.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::lines::{self, Item};
use super::put::put;
use crate::store::state::carts::derive::Content;
use crate::store::state::imported_order;
use crate::store::state::order::{self, Order, PLACED};
use crate::store::state::orders;
use crate::store::state::person::Person;
use crate::store::state::returns;
use crate::time;

/// Returns the text of a time in milliseconds since 1970.
fn rfc3339(millis: u64) -> String {
    time::format_rfc3339_millis(millis.cast_signed())
}

/// Returns the document of an order.
pub(in crate::store::state) fn order(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let Some(order) = orders::find(connection, project, id)? else { return Ok(None) };
    let fields = &order.fields;
    let mut out = Map::new();
    let status = fields.text("status").map_or_else(|| PLACED.to_owned(), str::to_lowercase);
    let created = order.created_at();
    let since = created.map(|created| status_since(&order, &status).unwrap_or(created));
    put(&mut out, "id", Some(id));
    put(&mut out, "number", Some(id));
    put(&mut out, "created_at", created.map(rfc3339));
    put(&mut out, "placed_at", created.map(rfc3339));
    put(&mut out, "current_date", since.map(rfc3339));
    put(&mut out, "updated_at", Some(rfc3339(fields.newest_time().max(created.unwrap_or_default()))));
    put(&mut out, "cancelled_at", since.filter(|_| order::is_cancelled(&status)).map(rfc3339));
    put(&mut out, "status", Some(status));
    put(&mut out, "source", Some(order.source()));
    put(&mut out, "currency_code", fields.text("currency"));
    put(&mut out, "total_amount_with_taxes", fields.get("amount").cloned());
    put(&mut out, "total_tax_amount", fields.get("tax").cloned());
    put(&mut out, "shipping_amount", fields.get("shipping").cloned());
    let coupon = fields.get("coupons").and_then(|coupons| coupons.get(0)?.as_str().map(str::to_lowercase));
    put(&mut out, "coupon", coupon.is_some().then_some(true));
    put(&mut out, "coupon_code", coupon);
    let is_returned = has_own_return(connection, project, id)? || returns::has_counted(connection, project, id, &order)?;
    put(&mut out, "returned", is_returned.then_some(true));
    put_billing(&mut out, fields.get("billing"));
    let customer = order.customer(connection, project)?;
    put(&mut out, "customer", customer.as_ref().map(describe));
    put(&mut out, "market", Some(market(connection, project, fields.text("store"))?));
    put_items(&mut out, "line_items", id, &lines::of_order(connection, project, fields)?);
    Ok(Some(out))
}

/// Returns the document of a cart.
pub(in crate::store::state) fn cart(
    connection: &Connection,
    project: i64,
    cart_id: &[u8; 16],
) -> rusqlite::Result<Option<Map<String, Value>>> {
    let mut statement = connection.prepare_cached("SELECT owner, content FROM cart WHERE project = ?1 AND cart_id = ?2")?;
    let read =
        |row: &Row<'_>| Ok((row.get::<_, String>(0)?, serde_json::from_str::<Content>(row.get_ref(1)?.as_str()?).unwrap_or_default()));
    let Some((owner, content)) = statement.query_row(params![project, cart_id], read).optional()? else { return Ok(None) };
    let owner = Person::from_text(&owner);
    let id = content.basket_id.clone().unwrap_or_else(|| Uuid::from_bytes(*cart_id).hyphenated().to_string());
    let items = lines::of_cart(connection, project, &content.lines)?;
    let has_email = matches!(owner, Some(Person::Email(_)));
    let total = if content.from_snapshot { content.total.map(Value::from) } else { lines::total(&items) };
    let mut out = Map::new();
    put(&mut out, "id", Some(id.as_str()));
    put(&mut out, "number", Some(id.as_str()));
    put(&mut out, "status", Some(if has_email { "pending" } else { "draft" }));
    put(&mut out, "created_at", Some(rfc3339(content.created_at)));
    put(&mut out, "updated_at", Some(rfc3339(content.updated_at)));
    put(&mut out, "current_date", Some(rfc3339(content.updated_at)));
    put(&mut out, "currency_code", content.currency);
    put(&mut out, "total_amount_with_taxes", total);
    put(&mut out, "customer", owner.as_ref().map(describe));
    put(&mut out, "market", Some(market(connection, project, content.store.as_deref())?));
    put_items(&mut out, "line_items", &id, &items);
    Ok(Some(out))
}

/// Returns the document of a return. A return without lines is a return of the whole order.
pub(in crate::store::state) fn order_return(
    connection: &Connection,
    project: i64,
    id: &[u8; 16],
) -> rusqlite::Result<Option<Map<String, Value>>> {
    let mut statement = connection
        .prepare_cached("SELECT order_id, time, reporter, lines, is_signed, seq FROM order_return WHERE project = ?1 AND id = ?2")?;
    let read = |row: &Row<'_>| {
        let lines: Option<String> = row.get(3)?;
        let report = (row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, Option<String>>(2)?, lines);
        let signed_seq = row.get::<_, bool>(4)?.then(|| row.get::<_, i64>(5)).transpose()?;
        Ok((row.get::<_, String>(0)?, signed_seq, report))
    };
    let Some((order_id, signed_seq, report)) = statement.query_row(params![project, id], read).optional()? else { return Ok(None) };
    let (time, reporter, lines) = report;
    if signed_seq.is_none() {
        let order = orders::find_people(connection, project, &order_id)?;
        if imported_order::exists(connection, project, &order_id)?
            || !returns::is_counted(connection, project, order.as_ref(), time, reporter.as_deref())?
        {
            return Ok(None);
        }
    }
    let order = orders::find(connection, project, &order_id)?.unwrap_or_default();
    let lines: Option<Value> = lines.and_then(|lines| serde_json::from_str(&lines).ok());
    let items = match lines.filter(|lines| lines.as_array().is_some_and(|lines| !lines.is_empty())) {
        Some(lines) => lines::of_report(connection, project, &lines)?,
        None => lines::of_order(connection, project, &order.fields)?,
    };
    let customer = match (reporter.as_deref().and_then(Person::from_text), signed_seq) {
        (Some(person), Some(seq)) => Some(person.resolve_on_receipt(connection, project, seq)?),
        (Some(person), None) => Some(person.resolve(connection, project, time)?),
        (None, _) => order.customer(connection, project)?,
    };
    let (mut out, at) = (Map::new(), rfc3339(time));
    let id = Uuid::from_bytes(*id).hyphenated().to_string();
    put(&mut out, "id", Some(id.as_str()));
    put(&mut out, "number", Some(id.as_str()));
    put(&mut out, "order_id", Some(order_id));
    put(&mut out, "status", Some("received"));
    for name in ["created_at", "received_at", "updated_at", "current_date"] {
        put(&mut out, name, Some(at.as_str()));
    }
    put(&mut out, "skus_count", Some(lines::count(&items)));
    put(&mut out, "customer", customer.as_ref().map(describe));
    put(&mut out, "market", Some(market(connection, project, order.fields.text("store"))?));
    let items: Vec<Value> = items.iter().enumerate().map(|(number, item)| Value::from(item.as_returned(&id, number, &at))).collect();
    put(&mut out, "return_line_items", Some(items).filter(|items| !items.is_empty()));
    Ok(Some(out))
}

/// Returns the time since which an order has a status. The first status is as old as the order.
fn status_since(order: &Order, status: &str) -> Option<u64> {
    let since = *order.status_times.get(status)?;
    let first = order.status_times.values().min().is_some_and(|first| *first == since);
    if first { order.created_at() } else { Some(since) }
}

/// Returns whether an order has a return of the owner: by the headless API or an import.
pub(in crate::store) fn has_own_return(connection: &Connection, project: i64, order: &str) -> rusqlite::Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM order_return INDEXED BY order_return_by_order
                 WHERE project = ?1 AND order_id = ?2 AND is_signed)
                 OR EXISTS (SELECT 1 FROM imported_record INDEXED BY imported_record_by_order WHERE project = ?1 AND order_id = ?2)";
    connection.prepare_cached(query)?.query_row(params![project, order], |row| row.get(0))
}

fn describe(person: &Person) -> Value {
    match person {
        Person::Email(email) => json!({"id": email, "email": email}),
        Person::Visitor(id) => json!({"id": id}),
    }
}

/// Returns the store of the shop, or the project if the shop has only one store.
fn market(connection: &Connection, project: i64, store: Option<&str>) -> rusqlite::Result<Value> {
    let name = match store {
        Some(store) => store.to_owned(),
        None => connection.prepare_cached("SELECT token FROM project WHERE id = ?1")?.query_row([project], |row| row.get(0))?,
    };
    Ok(json!({"id": name, "name": name, "number": name}))
}

fn put_billing(out: &mut Map<String, Value>, billing: Option<&Value>) {
    let Some(billing) = billing else { return };
    let mut address = Map::new();
    for (name, field) in [
        ("city", "city"),
        ("country_code", "countryCode"),
        ("state_code", "region"),
        ("zip_code", "postcode"),
        ("first_name", "firstName"),
        ("last_name", "lastName"),
    ] {
        put(&mut address, name, billing.get(field).cloned());
    }
    put(out, "country_code", billing.get("countryCode").cloned());
    put(out, "payment_method", billing.get("paymentMethod").map(|name| json!({"name": name})));
    put(out, "billing_address", Some(address).filter(|address| !address.is_empty()));
}

fn put_items(out: &mut Map<String, Value>, name: &str, of: &str, items: &[Item]) {
    put(out, "skus_count", Some(lines::count(items)));
    let items: Vec<Value> = items.iter().enumerate().map(|(number, item)| Value::from(item.as_line(of, number))).collect();
    put(out, name, Some(items).filter(|items| !items.is_empty()));
}
