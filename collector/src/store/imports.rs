//! Orders, carts and returns that the owner imported, each as a whole document.
//!
//! Imported records share the change numbers of the state, so a reader of the changes needs only one watermark.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::packed_json::PackedJson;
use super::state::documents::{builder, changes as documents};
use super::state::imported_order::OWN_STANDS;
use super::state::person_records::ImportedDocument;
use super::state::updater::StateUpdater;
use super::subject::{Erased, Subject};
use crate::packed::JsonText;
use crate::resource::{Resource, is_cart};

/// A record to import.
#[derive(Clone, Debug)]
pub struct ImportedRecord {
    /// What the document is: one of `Orders`, `Carts` and `Returns`.
    pub resource: Resource,
    /// Its id.
    pub id: String,
    /// The normalised e-mail of its customer.
    pub email: Option<String>,
    /// The whole document.
    pub json: String,
}

/// A record that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedRecord {
    /// The project's number in the store.
    pub project: i64,
    /// One of `Orders`, `Carts` and `Returns`. An imported cart is one of the `Orders`.
    pub resource: Resource,
    /// The key of the record, which stays although the id may change.
    pub key: String,
    /// The number of its last change.
    pub change: i64,
    /// The document now, or None if it was removed.
    pub json: Option<JsonText>,
}

/// The resource and the id of an imported record, as the table has them.
pub(in crate::store) type RecordKey = (String, String);

/// The attributes of a record that identify a person.
const PERSONAL: &[&str] = &["customer", "user_id"];
const ADDRESSES: &[&str] = &["billing_address", "shipping_address", "origin_address", "destination_address"];
/// The attributes of an address that do not.
const IMPERSONAL: &[&str] = &["business", "country_code"];

/// Orders and carts share their ids: an order replaces the cart from which it was made.
fn stored_as(resource: Resource) -> &'static str {
    if resource == Resource::Returns { "returns" } else { "orders" }
}

/// Returns which of these ids are those of events that opened a cart or were a return. For a cart with a basket id an imported one stands.
pub(in crate::store) fn derived_ids(
    connection: &Connection,
    project: i64,
    resource: Resource,
    ids: Vec<String>,
) -> rusqlite::Result<HashSet<String>> {
    let query = match resource {
        Resource::Returns => "SELECT EXISTS (SELECT 1 FROM order_return WHERE project = ?1 AND id = ?2)",
        _ => "SELECT EXISTS (SELECT 1 FROM cart WHERE project = ?1 AND cart_id = ?2 AND state <> 'removed')",
    };
    let mut statement = connection.prepare_cached(query)?;
    let mut derived = HashSet::new();
    for id in ids {
        if let Ok(uuid) = Uuid::try_parse(&id)
            && statement.query_row(params![project, uuid.as_bytes()], |row| row.get(0))?
        {
            derived.insert(id);
        }
    }
    Ok(derived)
}

/// Stores records. Each replaces the earlier record with its id.
pub(in crate::store) fn import(
    connection: &Connection,
    state: &mut StateUpdater<'_>,
    project: i64,
    records: &[ImportedRecord],
) -> rusqlite::Result<()> {
    // For one statement that replaces, SQLite copies each page that it changes first.
    let delete = "DELETE FROM imported_record WHERE project = ?1 AND resource = ?2 AND id = ?3 RETURNING order_id";
    let mut delete = connection.prepare_cached(delete)?;
    let insert = "INSERT INTO imported_record (change, project, resource, id, email, order_id, is_cart, document)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut insert = connection.prepare_cached(insert)?;
    for ImportedRecord { resource, id, email, json } in records {
        let (change, is_cart) = (state.next_change(), *resource == Resource::Carts);
        let order = order_of(*resource, json);
        let before: Option<Option<String>> = delete.query_row(params![project, stored_as(*resource), id], |row| row.get(0)).optional()?;
        insert.execute(params![change, project, stored_as(*resource), id, email, order, is_cart, PackedJson::pack(json)])?;
        state.imported_return_changed(project, order.as_deref())?;
        state.imported_return_changed(project, before.flatten().filter(|before| order.as_ref() != Some(before)).as_deref())?;
        if *resource == Resource::Orders {
            state.replace_order(project, id)?;
        }
        if *resource != Resource::Returns {
            // Those that pages reported do not count from now on.
            state.bump_returns_of_order(project, id)?;
            state.bump_carts_of_basket(project, id)?;
        }
    }
    Ok(())
}

/// Returns the order of a return.
fn order_of(resource: Resource, json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Return {
        order_id: Option<String>,
    }
    let of_return = Some(json).filter(|_| resource == Resource::Returns)?;
    serde_json::from_str(of_return).ok().and_then(|Return { order_id }| order_id)
}

/// Passes imported records that changed after the change `after` to `take`, in the order of their last changes, until it returns false. In place
/// of a record for which the shop's own order stands, it passes that order.
pub(in crate::store) fn each_change(
    connection: &Connection,
    after: i64,
    mut take: impl FnMut(ChangedRecord) -> bool,
) -> rusqlite::Result<()> {
    let query = format!(
        "SELECT imported_record.project, resource, imported_record.id, document, imported_record.change, is_cart,
             customer_order.id IS NOT NULL AND (document = x'' OR {OWN_STANDS})
         FROM imported_record LEFT JOIN customer_order
         ON resource = 'orders' AND customer_order.project = imported_record.project AND customer_order.id = imported_record.id
         WHERE imported_record.change > ?1 ORDER BY imported_record.change"
    );
    let mut select = connection.prepare_cached(&query)?;
    let rows = select.query_map([after], |row| {
        let is_return = row.get_ref(1)?.as_str()? == stored_as(Resource::Returns);
        let resource = if is_return { Resource::Returns } else { Resource::Orders };
        let (project, key): (i64, String) = (row.get(0)?, row.get(2)?);
        let is_order = !is_return && !row.get::<_, bool>(5)?;
        let json = if row.get(6)? {
            documents::own_order(connection, project, &key)?.map(to_text)
        } else if is_order && builder::has_own_return(connection, project, &key)? {
            let mut order = serde_json::from_str(&row.get::<_, PackedJson>(3)?.0).unwrap_or_default();
            documents::mark_returned(&mut order);
            Some(to_text(order))
        } else {
            Some(row.get(3)?).filter(|packed: &Vec<u8>| !packed.is_empty()).map(JsonText::Packed)
        };
        Ok(ChangedRecord { project, resource, key, change: row.get(4)?, json })
    })?;
    for record in rows {
        if !take(record?) {
            break;
        }
    }
    Ok(())
}

fn to_text(document: Map<String, Value>) -> JsonText {
    JsonText::Plain(Value::Object(document).to_string())
}

/// Returns the records with a change after `after` that are the subject's or mention them, and the number of the last change that was read.
pub(in crate::store) fn find_named(connection: &Connection, subject: &Subject, after: i64) -> rusqlite::Result<(Vec<RecordKey>, i64)> {
    let query = "SELECT resource, id, document, change, project, email FROM imported_record WHERE change > ?1 ORDER BY change";
    let mut select = connection.prepare_cached(query)?;
    let mut rows = select.query([after])?;
    let (mut found, mut last) = (Vec::new(), after);
    while let Some(row) = rows.next()? {
        last = row.get(3)?;
        if row.get::<_, i64>(4)? != subject.project {
            continue;
        }
        let is_own = row.get_ref(5)?.as_str_or_null()? == Some(&subject.email);
        if is_own || subject.is_named_in(&row.get::<_, PackedJson>(2)?.0) {
            found.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok((found, last))
}

/// Returns the records of the customer with this e-mail.
pub(in crate::store) fn of_customer(connection: &Connection, subject: &Subject) -> rusqlite::Result<Vec<ImportedDocument>> {
    let query = "SELECT resource, id FROM imported_record INDEXED BY imported_record_by_email WHERE project = ?1 AND email = ?2";
    let key = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let mut statement = connection.prepare_cached(query)?;
    let keys = statement.query_map(params![subject.project, subject.email], key)?.collect::<rusqlite::Result<Vec<_>>>()?;
    documents(connection, subject, keys)
}

/// Returns the e-mail and the text of a record.
fn find(connection: &Connection, project: i64, resource: &str, id: &str) -> rusqlite::Result<Option<(Option<String>, String)>> {
    let query = "SELECT email, document FROM imported_record WHERE project = ?1 AND resource = ?2 AND id = ?3";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, PackedJson>(1)?.0));
    connection.prepare_cached(query)?.query_row(params![project, resource, id], read).optional()
}

/// Returns the documents of these records, without those that were erased.
pub(in crate::store) fn documents(
    connection: &Connection,
    subject: &Subject,
    keys: Vec<RecordKey>,
) -> rusqlite::Result<Vec<ImportedDocument>> {
    let mut documents = Vec::new();
    for (resource, id) in keys {
        let Some((email, json)) = find(connection, subject.project, &resource, &id)? else { continue };
        let is_return = resource == stored_as(Resource::Returns);
        let document = serde_json::from_str(&json).ok();
        documents.extend(document.map(|document| {
            let is_own = is_own(email.as_deref(), &document, subject);
            ImportedDocument { is_return, is_own, id, document }
        }));
    }
    Ok(documents)
}

/// Whether a record belongs to the subject: by the e-mail of its customer or, without one, by what its customer or an address contains. Any
/// other record only mentions them.
fn is_own(email: Option<&str>, record: &Map<String, Value>, subject: &Subject) -> bool {
    let is_named = |name: &&str| record.get(*name).is_some_and(|value| subject.is_named_in(&value.to_string()));
    email.map_or_else(|| PERSONAL.iter().chain(ADDRESSES).any(is_named), |email| email == subject.email)
}

/// Erases the subject from records. A cart of the subject is deleted as a whole; from its empty row, readers of the changes learn that it is
/// removed. A record of another person loses only the texts that mention the subject, and is not counted.
pub(in crate::store) fn erase<'a>(
    connection: &Connection,
    state: &mut StateUpdater<'_>,
    subject: &Subject,
    keys: impl Iterator<Item = &'a RecordKey>,
    erased: &mut Erased,
) -> rusqlite::Result<()> {
    let update = "UPDATE imported_record SET document = ?1, email = ?2, order_id = ?3, change = ?4
                  WHERE project = ?5 AND resource = ?6 AND id = ?7";
    for (stored_as_name, id) in keys {
        let Some((mut email, json)) = find(connection, subject.project, stored_as_name, id)? else { continue };
        let Ok(Value::Object(mut record)) = serde_json::from_str(&json) else { continue };
        let is_own = is_own(email.as_deref(), &record, subject);
        let is_return = stored_as_name == stored_as(Resource::Returns);
        let json = if is_own && is_cart(&record) {
            erased.carts += 1;
            state.bump_carts_of_basket(subject.project, id)?;
            String::new()
        } else {
            if is_own {
                *if is_return { &mut erased.returns } else { &mut erased.orders } += 1;
                remove_person(&mut record);
            }
            record.retain(|name, value| name == "id" || !is_named(value, subject));
            Value::Object(record).to_string()
        };
        email = email.filter(|_| !is_own);
        let order = if is_return { order_of(Resource::Returns, &json) } else { None };
        connection.prepare_cached(update)?.execute(params![
            PackedJson::pack(&json),
            email,
            order,
            state.next_change(),
            subject.project,
            stored_as_name,
            id
        ])?;
    }
    Ok(())
}

fn remove_person(record: &mut Map<String, Value>) {
    record.retain(|name, _| !PERSONAL.contains(&name.as_str()));
    for address in ADDRESSES {
        if let Some(Value::Object(address)) = record.get_mut(*address) {
            address.retain(|name, _| IMPERSONAL.contains(&name.as_str()));
        }
    }
}

/// Whether a value is a text that mentions the subject. Removes such texts from nested values.
fn is_named(value: &mut Value, subject: &Subject) -> bool {
    match value {
        Value::String(text) => subject.is_named_in(text),
        Value::Array(elements) => {
            elements.retain_mut(|element| !is_named(element, subject));
            false
        }
        Value::Object(members) => {
            members.retain(|_, member| !is_named(member, subject));
            false
        }
        _ => false,
    }
}
