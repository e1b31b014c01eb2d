//! The customer, the orders, the carts and the returns of a person, in the form of the export.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};

use super::documents::builder;
use super::documents::changes::IS_PAST_CART;
use super::export;
use super::imported_order;
use super::order_reports;
use super::orders;
use super::person::Person;
use crate::resource::{Resource, is_cart};
use crate::store::identity;
use crate::store::subject::Subject;
use crate::time;

/// A record of a person.
#[derive(Debug)]
pub(in crate::store) struct PersonRecord {
    /// Its id.
    pub(in crate::store) key: String,
    /// When it was placed, changed last or received, in milliseconds since 1970; 0 if that is not stored.
    pub(in crate::store) time: u64,
    /// The record as it is exported, without a cursor.
    pub(in crate::store) json: Map<String, Value>,
}

/// The records of a person.
#[derive(Debug, Default)]
pub(in crate::store) struct PersonRecords {
    pub(in crate::store) customer: Option<Map<String, Value>>,
    pub(in crate::store) orders: Vec<PersonRecord>,
    pub(in crate::store) carts: Vec<PersonRecord>,
    pub(in crate::store) returns: Vec<PersonRecord>,
    /// Imported records of others that mention the person, each under what it is: `{"order": …}`.
    pub(in crate::store) mentions: Vec<Value>,
}

impl PersonRecords {
    /// Returns whether the person has no records. A record of another that mentions them makes no person.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.customer.is_none() && self.orders.is_empty() && self.carts.is_empty() && self.returns.is_empty()
    }
}

/// An imported order, cart or return that concerns a person.
#[derive(Debug)]
pub(in crate::store) struct ImportedDocument {
    /// Whether it is a return; else it is an order or a cart.
    pub(in crate::store) is_return: bool,
    /// Whether it is the person's; else it only mentions them.
    pub(in crate::store) is_own: bool,
    pub(in crate::store) id: String,
    pub(in crate::store) document: Map<String, Value>,
}

/// Returns the records of a person: those of the state, and these imported ones.
pub(in crate::store) fn of(connection: &Connection, subject: &Subject, imported: Vec<ImportedDocument>) -> rusqlite::Result<PersonRecords> {
    let people = people(connection, subject)?;
    let mut records = PersonRecords { customer: export::customer_of(connection, subject.project, &subject.email)?, ..Default::default() };
    for id in order_ids(connection, subject.project, &people)? {
        let order = orders::find(connection, subject.project, &id)?;
        let customer = order.map(|order| order.customer(connection, subject.project)).transpose()?.flatten();
        let order = if is_of(customer.as_ref(), &people) { export::order_of(connection, subject.project, &id)? } else { None };
        records.orders.extend(order.map(|json| PersonRecord { time: millis(&json, "createdAt"), key: id, json }));
    }
    for id in ids::<[u8; 16]>(connection, subject.project, &people, &[&open_carts()])? {
        records.carts.extend(builder::cart(connection, subject.project, &id)?.map(|json| document(json, "updated_at")));
    }
    for id in ids::<[u8; 16]>(connection, subject.project, &people, RETURNS)? {
        let record = builder::order_return(connection, subject.project, &id)?;
        let record = record.filter(|record| is_of(customer_of_return(record).as_ref(), &people));
        records.returns.extend(record.map(|json| document(json, "created_at")));
    }
    for imported in imported {
        add_imported(connection, subject.project, imported, &mut records)?;
    }
    Ok(records)
}

/// Returns the e-mail, the visitors that gave it, and those that reported an order with it.
pub(super) fn people(connection: &Connection, subject: &Subject) -> rusqlite::Result<Vec<Person>> {
    let mut people = vec![Person::Email(subject.email.clone())];
    people.extend(identity::visitors(connection, subject.project, &subject.email)?.into_iter().map(Person::Visitor));
    people.extend(visitors_by_order(connection, subject.project, &subject.email)?.into_iter().map(Person::Visitor));
    Ok(people)
}

/// Returns the visitors without an e-mail that reported an order for which the back end gave this e-mail.
pub(in crate::store) fn visitors_by_order(connection: &Connection, project: i64, email: &str) -> rusqlite::Result<Vec<String>> {
    let query = "SELECT id FROM customer_order INDEXED BY customer_order_by_email WHERE project = ?1 AND email = ?2";
    let (mut visitors, customer) = (Vec::new(), Person::Email(email.to_owned()));
    for id in connection.prepare_cached(query)?.query_map(params![project, email], |row| row.get::<_, String>(0))? {
        let id = id?;
        let report = orders::find_stored(connection, project, &id)?.and_then(|order| order.report);
        let visitor = match report.and_then(|(_, person)| Person::from_text(&person)) {
            Some(Person::Visitor(visitor)) => Some(visitor),
            Some(Person::Email(_)) => None,
            None => order_reports::visitor_of(connection, project, &id, &customer)?,
        };
        if let Some(visitor) = visitor
            && identity::links(connection, project, &visitor)?.is_empty()
        {
            visitors.push(visitor);
        }
    }
    visitors.sort_unstable();
    visitors.dedup();
    Ok(visitors)
}

/// Returns the ids of the orders with the e-mail of one of these people, and of those that one of them reported.
pub(super) fn order_ids(connection: &Connection, project: i64, people: &[Person]) -> rusqlite::Result<BTreeSet<String>> {
    ids(
        connection,
        project,
        people,
        &[
            "SELECT id FROM customer_order INDEXED BY customer_order_by_email
             WHERE project = ?1 AND email = substr(?2, 2) AND substr(?2, 1, 1) = 'e'",
            "SELECT id FROM customer_order INDEXED BY customer_order_by_reporter WHERE project = ?1 AND reporter = ?2",
            "SELECT order_id FROM order_report INDEXED BY order_report_by_person WHERE project = ?1 AND person = ?2",
        ],
    )
}

/// The queries for returns that a person reported, and for those of the orders that the person reported or that name the e-mail.
const RETURNS: &[&str] = &[
    "SELECT id FROM order_return INDEXED BY order_return_by_reporter WHERE project = ?1 AND reporter = ?2",
    "SELECT order_return.id FROM customer_order INDEXED BY customer_order_by_email
     JOIN order_return INDEXED BY order_return_by_order ON order_return.project = ?1 AND order_id = customer_order.id
     WHERE customer_order.project = ?1 AND email = substr(?2, 2) AND substr(?2, 1, 1) = 'e'",
    "SELECT order_return.id FROM customer_order INDEXED BY customer_order_by_reporter
     JOIN order_return INDEXED BY order_return_by_order ON order_return.project = ?1 AND order_id = customer_order.id
     WHERE customer_order.project = ?1 AND customer_order.reporter = ?2",
    "SELECT order_return.id FROM order_report INDEXED BY order_report_by_person
     JOIN order_return INDEXED BY order_return_by_order ON order_return.project = ?1 AND order_return.order_id = order_report.order_id
     WHERE order_report.project = ?1 AND person = ?2",
];

fn open_carts() -> String {
    format!("SELECT cart_id FROM cart INDEXED BY cart_by_owner WHERE project = ?1 AND owner = ?2 AND NOT {IS_PAST_CART}")
}

fn ids<T: rusqlite::types::FromSql + Ord>(
    connection: &Connection,
    project: i64,
    people: &[Person],
    queries: &[&str],
) -> rusqlite::Result<BTreeSet<T>> {
    let mut found = BTreeSet::new();
    for query in queries {
        let mut select = connection.prepare_cached(query)?;
        for person in people {
            for id in select.query_map(params![project, person.to_text()], |row| row.get(0))? {
                found.insert(id?);
            }
        }
    }
    Ok(found)
}

fn add_imported(connection: &Connection, project: i64, imported: ImportedDocument, records: &mut PersonRecords) -> rusqlite::Result<()> {
    let ImportedDocument { is_return, is_own, id, document: record } = imported;
    if !is_own {
        let (name, resource) = match () {
            () if is_return => ("return", Resource::Returns),
            () if is_cart(&record) => ("cart", Resource::Carts),
            () => ("order", Resource::Orders),
        };
        records.mentions.push(json!({name: export::imported_document(resource, record)}));
    } else if is_return {
        records.returns.push(document(export::imported_document(Resource::Returns, record), "created_at"));
    } else if is_cart(&record) {
        records.carts.push(document(export::imported_document(Resource::Carts, record), "updated_at"));
    } else if imported_order::is_replaced(connection, project, &id)? {
        let is_same = records.orders.iter().any(|order| order.key == id);
        // The own order that stands for it may be another person's.
        records.mentions.extend((!is_same).then(|| json!({"order": export::imported_document(Resource::Orders, record)})));
    } else {
        let json = export::imported_document(Resource::Orders, record);
        // As in the export, an imported order takes the place of what a page reported.
        records.orders.retain(|order| order.key != id);
        records.orders.push(PersonRecord { time: millis(&json, "createdAt"), key: id, json });
    }
    Ok(())
}

fn document(json: Map<String, Value>, time_field: &str) -> PersonRecord {
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = time::parse_rfc3339(text(time_field)).map_or(0, |time| time.millis.max(0).cast_unsigned());
    PersonRecord { key: text("id").to_owned(), time, json }
}

fn millis(json: &Map<String, Value>, name: &str) -> u64 {
    json.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// Returns the customer of a return as it is exported.
fn customer_of_return(record: &Map<String, Value>) -> Option<Person> {
    let customer = record.get("customer")?;
    let text = |name: &str| customer.get(name).and_then(Value::as_str).map(str::to_owned);
    text("email").map(Person::Email).or_else(|| text("id").map(Person::Visitor))
}

/// Returns whether a customer is the person: by the e-mail, or as a visitor without an e-mail that is this person.
fn is_of(customer: Option<&Person>, people: &[Person]) -> bool {
    customer.is_some_and(|customer| people.contains(customer))
}
