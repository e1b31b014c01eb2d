//! Orders, carts and returns as analysts know them: the main attributes at the top, what belongs to them nested.
//!
//! A document is made of the rows as they are when it is asked for. What is not known is left out.

mod lines;

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use self::lines::Item;
use super::carts::Content;
use super::orders::{self, Order, PLACED};
use super::person::Person;
use super::{history, instant};

/// The three kinds of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// What was bought.
    Orders,
    /// What may be bought yet.
    Carts,
    /// What came back.
    Returns,
}

/// A document that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The number of the change; the next one is greater.
    pub number: i64,
    /// The project's number in the store.
    pub project: i64,
    /// The document's name, which stays although its id may change.
    pub key: String,
    /// The document as it is now; None if there is none any more.
    pub document: Option<Map<String, Value>>,
}

/// A cart that is not seen: it has ended, or a cart of the same basket id was touched later, so that this one is its past.
pub(super) const IS_PAST: &str = "(state <> 'open' OR EXISTS (
    SELECT 1 FROM cart other INDEXED BY cart_of_basket WHERE other.project = cart.project AND other.basket = cart.basket AND other.opened <> cart.opened
    AND other.state <> 'gone' AND (other.touched, other.opened) > (cart.touched, cart.opened)))";

/// Returns the documents that changed after `after`, in the order in which they last did.
///
/// What changed at once has one number and is returned together, so there may be more than `limit`.
pub(in crate::store) fn changes(connection: &Connection, family: Family, after: i64, limit: usize) -> rusqlite::Result<Vec<Change>> {
    let table = family.table();
    let condition = format!(
        "change > ?1 AND change <= (SELECT max(change) FROM (SELECT change FROM {table} WHERE change > ?1 ORDER BY change LIMIT ?2))
         ORDER BY change"
    );
    read(connection, family, &condition, params![after, i64::try_from(limit).unwrap_or(i64::MAX)])
}

/// Returns the document with this key as it is now, with the number of its last change.
pub(in crate::store) fn now(connection: &Connection, family: Family, project: i64, key: &str) -> rusqlite::Result<Option<Change>> {
    let condition = match family {
        Family::Orders => "project = ?1 AND id = ?2",
        Family::Carts => "project = ?1 AND opened = unhex(?2)",
        Family::Returns => "project = ?1 AND id = unhex(?2)",
    };
    read(connection, family, condition, params![project, key]).map(|found| found.into_iter().next())
}

fn read(connection: &Connection, family: Family, condition: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<Change>> {
    let columns = match family {
        Family::Orders => "id, id, 0".to_owned(),
        Family::Returns => "id, hex(id), 0".to_owned(),
        Family::Carts => format!("opened, hex(opened), {IS_PAST}"),
    };
    let mut statement =
        connection.prepare_cached(&format!("SELECT change, project, {columns} FROM {} WHERE {condition}", family.table()))?;
    let change = |row: &Row<'_>| {
        let project = row.get(1)?;
        let document = match family {
            _ if row.get(4)? => None,
            Family::Orders => order(connection, project, &row.get::<_, String>(2)?)?,
            Family::Carts => cart(connection, project, &row.get(2)?)?,
            Family::Returns => returned(connection, project, &row.get(2)?)?,
        };
        Ok(Change { number: row.get(0)?, project, key: row.get(3)?, document })
    };
    statement.query_map(values, change)?.collect()
}

impl Family {
    fn table(self) -> &'static str {
        match self {
            Self::Orders => "placed",
            Self::Carts => "cart",
            Self::Returns => "returned",
        }
    }
}

/// Returns an order's document.
pub(super) fn order(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Map<String, Value>>> {
    let Some(order) = orders::find(connection, project, id)? else { return Ok(None) };
    let told = &order.told;
    let mut out = Map::new();
    let status = told.text("status").map_or_else(|| PLACED.to_owned(), str::to_lowercase);
    let created = order.created_at();
    let since = status_since(&order, &status).or(created);
    put(&mut out, "id", Some(id));
    put(&mut out, "number", Some(id));
    put(&mut out, "created_at", created.map(instant::text));
    put(&mut out, "placed_at", created.map(instant::text));
    put(&mut out, "current_date", since.map(instant::text));
    put(&mut out, "updated_at", Some(instant::text(told.newest().max(created.unwrap_or_default()))));
    put(&mut out, "cancelled_at", since.filter(|_| orders::is_cancelled(&status)).map(instant::text));
    put(&mut out, "status", Some(status));
    put(&mut out, "currency_code", told.text("currency"));
    put(&mut out, "total_amount_with_taxes", told.get("amount").cloned());
    put(&mut out, "total_tax_amount", told.get("tax").cloned());
    put(&mut out, "shipping_amount", told.get("shipping").cloned());
    let coupon = told.get("coupons").and_then(|coupons| coupons.get(0)?.as_str().map(str::to_lowercase));
    put(&mut out, "coupon", coupon.is_some().then_some(true));
    put(&mut out, "coupon_code", coupon);
    put(&mut out, "returned", is_returned(connection, project, id)?.then_some(true));
    put_billing(&mut out, told.get("billing"));
    let customer = customer_of(connection, project, &order)?;
    put(&mut out, "customer", customer.as_ref().map(describe));
    put(&mut out, "market", Some(market(connection, project, told.text("store"))?));
    put_items(&mut out, "line_items", id, &lines::of_order(connection, project, told)?);
    Ok(Some(out))
}

/// Returns a cart's document.
pub(super) fn cart(connection: &Connection, project: i64, opened: &[u8; 16]) -> rusqlite::Result<Option<Map<String, Value>>> {
    let mut statement = connection.prepare_cached("SELECT owner, content FROM cart WHERE project = ?1 AND opened = ?2")?;
    let read =
        |row: &Row<'_>| Ok((row.get::<_, String>(0)?, serde_json::from_str::<Content>(row.get_ref(1)?.as_str()?).unwrap_or_default()));
    let Some((owner, content)) = statement.query_row(params![project, opened], read).optional()? else { return Ok(None) };
    let owner = Person::from_text(&owner);
    let id = content.basket.clone().unwrap_or_else(|| Uuid::from_bytes(*opened).hyphenated().to_string());
    let items = lines::of_cart(connection, project, &content.lines)?;
    let known = matches!(owner, Some(Person::Email(_)));
    let total = if content.whole { content.total.map(Value::from) } else { lines::total(&items) };
    let mut out = Map::new();
    put(&mut out, "id", Some(id.as_str()));
    put(&mut out, "number", Some(id.as_str()));
    put(&mut out, "status", Some(if known { "pending" } else { "draft" }));
    put(&mut out, "created_at", Some(instant::text(content.created_at)));
    put(&mut out, "updated_at", Some(instant::text(content.updated_at)));
    put(&mut out, "current_date", Some(instant::text(content.updated_at)));
    put(&mut out, "currency_code", content.currency);
    put(&mut out, "total_amount_with_taxes", total);
    put(&mut out, "customer", owner.as_ref().map(describe));
    put(&mut out, "market", Some(market(connection, project, content.store.as_deref())?));
    put_items(&mut out, "line_items", &id, &items);
    Ok(Some(out))
}

/// Returns a return's document. One that names no lines is of the whole order.
pub(super) fn returned(connection: &Connection, project: i64, id: &[u8; 16]) -> rusqlite::Result<Option<Map<String, Value>>> {
    let mut statement = connection.prepare_cached("SELECT placed, time, person, lines FROM returned WHERE project = ?1 AND id = ?2")?;
    let read = |row: &Row<'_>| {
        let lines: Option<String> = row.get(3)?;
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, Option<String>>(2)?, lines))
    };
    let Some((of, time, person, lines)) = statement.query_row(params![project, id], read).optional()? else { return Ok(None) };
    let order = orders::find(connection, project, &of)?.unwrap_or_default();
    let lines: Option<Value> = lines.and_then(|lines| serde_json::from_str(&lines).ok());
    let items = match lines.filter(|lines| lines.as_array().is_some_and(|lines| !lines.is_empty())) {
        Some(lines) => lines::of_report(connection, project, &lines)?,
        None => lines::of_order(connection, project, &order.told)?,
    };
    let customer = match person.as_deref().and_then(Person::from_text) {
        Some(person) => Some(history::resolve(connection, project, person, time)?),
        None => customer_of(connection, project, &order)?,
    };
    let (mut out, at) = (Map::new(), instant::text(time));
    let id = Uuid::from_bytes(*id).hyphenated().to_string();
    put(&mut out, "id", Some(id.as_str()));
    put(&mut out, "number", Some(id.as_str()));
    put(&mut out, "order_id", Some(of));
    put(&mut out, "status", Some("received"));
    for name in ["created_at", "received_at", "updated_at", "current_date"] {
        put(&mut out, name, Some(at.as_str()));
    }
    put(&mut out, "skus_count", Some(lines::count(&items)));
    put(&mut out, "customer", customer.as_ref().map(describe));
    put(&mut out, "market", Some(market(connection, project, order.told.text("store"))?));
    let items: Vec<Value> = items.iter().enumerate().map(|(number, item)| Value::from(item.as_returned(&id, number, &at))).collect();
    put(&mut out, "return_line_items", Some(items).filter(|items| !items.is_empty()));
    Ok(Some(out))
}

/// Returns who made an order, as far as it is known: by the back end's word, else by who reported it.
pub(super) fn customer_of(connection: &Connection, project: i64, order: &Order) -> rusqlite::Result<Option<Person>> {
    if let Some(email) = order.told.text("email") {
        return Ok(Some(Person::Email(email.to_owned())));
    }
    let reported = order.reported.as_ref().and_then(|(time, person)| Some((*time, Person::from_text(person)?)));
    reported.map(|(time, person)| history::resolve(connection, project, person, time)).transpose()
}

/// The first status that was heard of is as old as the order.
fn status_since(order: &Order, status: &str) -> Option<u64> {
    let since = *order.statuses.get(status)?;
    let first = order.statuses.values().min().is_some_and(|first| *first == since);
    if first { order.created_at() } else { Some(since) }
}

fn is_returned(connection: &Connection, project: i64, order: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM returned INDEXED BY returned_of_order WHERE project = ?1 AND placed = ?2)")?
        .query_row(params![project, order], |row| row.get(0))
}

fn describe(person: &Person) -> Value {
    match person {
        Person::Email(email) => json!({"id": email, "email": email}),
        Person::Visitor(id) => json!({"id": id}),
    }
}

/// The store of a shop that has several, else the project itself.
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
    for (name, told) in [
        ("city", "city"),
        ("country_code", "countryCode"),
        ("state_code", "region"),
        ("zip_code", "postcode"),
        ("first_name", "firstName"),
        ("last_name", "lastName"),
    ] {
        put(&mut address, name, billing.get(told).cloned());
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

fn put(out: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(name.into(), value.into());
    }
}
