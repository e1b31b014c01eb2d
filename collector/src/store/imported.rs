//! Orders, carts and returns that an owner imported, each whole; and the way in which those and the shop's own come to be asked about.
//!
//! Imported records take part in the numbering of changes of the shop's own state. Whoever follows that numbering sees every record again
//! under its newest number, whichever way it came, so one number says how far a follower has come.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::erasure::{Erased, Subject};
use super::shop::{self, Keeper};
use crate::metrics::catalog::Family;
use crate::projection::{Document, sync::Part};

/// The table.
pub(super) const TABLE: &str = "
    CREATE TABLE imported (
        project INTEGER NOT NULL REFERENCES project (id),
        family TEXT NOT NULL,
        id TEXT NOT NULL,
        json TEXT NOT NULL,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, family, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX imported_by_change ON imported (change);
";

/// A record as it is imported.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What kind of record it is.
    pub family: Family,
    /// Its id.
    pub id: String,
    /// The whole record.
    pub json: String,
}

/// Returns which of these ids belong to carts or returns that follow from events.
pub(super) fn kept(connection: &Connection, project: i64, family: Family, ids: Vec<String>) -> rusqlite::Result<HashSet<String>> {
    let query = match family {
        Family::Orders => {
            "SELECT EXISTS (SELECT 1 FROM cart WHERE project = ?1 AND opened = ?2 AND state <> 'gone')
                 OR EXISTS (SELECT 1 FROM cart INDEXED BY cart_of_basket WHERE project = ?1 AND basket = ?3 AND state <> 'gone')"
        }
        Family::Returns => "SELECT EXISTS (SELECT 1 FROM returned WHERE project = ?1 AND id = ?2 AND ?3 = ?3)",
    };
    let mut statement = connection.prepare_cached(query)?;
    let mut kept = HashSet::new();
    for id in ids {
        let key = Uuid::try_parse(&id).map(|key| key.into_bytes().to_vec()).unwrap_or_default();
        if statement.query_row(params![project, key, id], |row| row.get(0))? {
            kept.insert(id);
        }
    }
    Ok(kept)
}

fn name(family: Family) -> &'static str {
    match family {
        Family::Orders => "orders",
        Family::Returns => "returns",
    }
}

/// Keeps records in place of their earlier states, within the keeper's transaction.
pub(super) fn keep(connection: &Connection, shop: &mut Keeper<'_>, project: i64, records: &[Imported]) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO imported (project, family, id, json, change) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = connection.prepare_cached(sql)?;
    for record in records {
        insert.execute(params![project, name(record.family), record.id, record.json, shop.next_change()])?;
    }
    Ok(())
}

/// Returns all records, imported or not, that changed after a number, and the number up to which they are complete. `head` is a number
/// of which the caller knows that it is stored.
pub(super) fn changes(connection: &Connection, after: i64, head: i64, limit: usize) -> rusqlite::Result<Part> {
    let mut parts = vec![imported(connection, after, limit)?];
    for family in [shop::Family::Orders, shop::Family::Carts, shop::Family::Returns] {
        let changes = shop::changes(connection, family, after, limit)?;
        parts.push(changes.into_iter().map(|change| document(family.into(), change)).collect());
    }
    // A list that was cut short is complete up to its last change only.
    let cut = parts.iter().filter(|part| part.len() >= limit).filter_map(|part| part.last()).map(|last| last.change).min();
    let complete = cut.map_or(head, |cut| cut.min(head));
    let mut documents: Vec<_> = parts.into_iter().flatten().filter(|document| document.change <= complete).collect();
    documents.sort_by_key(|document| document.change);
    Ok(Part { documents, complete })
}

impl From<shop::Family> for Family {
    fn from(family: shop::Family) -> Self {
        match family {
            shop::Family::Orders | shop::Family::Carts => Self::Orders,
            shop::Family::Returns => Self::Returns,
        }
    }
}

/// Returns a record of the shop's own as those who follow get it.
pub(super) fn document(family: Family, change: shop::Change) -> Document {
    let json = change.document.map(|document| Value::Object(document).to_string());
    Document { project: change.project, family, key: change.key, change: change.number, json }
}

/// Returns the number of the last change of the imported record with this id, if there is one.
pub(super) fn latest(connection: &Connection, family: Family, project: i64, id: &str) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT change FROM imported WHERE project = ?1 AND family = ?2 AND id = ?3")?;
    select.query_row(params![project, name(family), id], |row| row.get(0)).optional()
}

fn imported(connection: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<Document>> {
    let sql =
        "SELECT project, family, id, json, change FROM imported INDEXED BY imported_by_change WHERE change > ?1 ORDER BY change LIMIT ?2";
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map(params![after, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        let family = if row.get_ref(1)?.as_str()? == name(Family::Returns) { Family::Returns } else { Family::Orders };
        let json = Some(row.get(3)?).filter(|json: &String| !json.is_empty());
        Ok(Document { project: row.get(0)?, family, key: row.get(2)?, change: row.get(4)?, json })
    })?;
    rows.collect()
}

/// The family and the id of a record.
pub(super) type Key = (String, String);

/// What of a record tells of a person, and what of an address does not.
const PERSONAL: &[&str] = &["customer", "user_id"];
const ADDRESSES: &[&str] = &["billing_address", "shipping_address", "origin_address", "destination_address"];
const IMPERSONAL: &[&str] = &["business", "country_code"];

/// Returns the records that changed after a number and name somebody, and the number of the last that was looked at.
pub(super) fn naming(connection: &Connection, subject: &Subject, after: i64) -> rusqlite::Result<(Vec<Key>, i64)> {
    let sql = "SELECT family, id, json, change, project FROM imported INDEXED BY imported_by_change WHERE change > ?1 ORDER BY change";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([after])?;
    let (mut found, mut last) = (Vec::new(), after);
    while let Some(row) = rows.next()? {
        last = row.get(3)?;
        if row.get::<_, i64>(4)? == subject.project && subject.is_named_in(row.get_ref(2)?.as_str()?) {
            found.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok((found, last))
}

/// Takes somebody out of records. A cart is theirs as a whole; it leaves an empty row behind, from which followers learn that it is gone.
pub(super) fn forget<'a>(
    connection: &Connection,
    shop: &mut Keeper<'_>,
    subject: &Subject,
    keys: impl Iterator<Item = &'a Key>,
    erased: &mut Erased,
) -> rusqlite::Result<()> {
    let sql = "SELECT json FROM imported WHERE project = ?1 AND family = ?2 AND id = ?3";
    let mut select = connection.prepare_cached(sql)?;
    for (family, id) in keys {
        let text = |row: &Row<'_>| row.get::<_, String>(0);
        let known = select.query_row(params![subject.project, family, id], text).optional()?;
        let Some(Value::Object(mut record)) = known.and_then(|json| serde_json::from_str(&json).ok()) else { continue };
        let json = if crate::metrics::document::is_cart(&record) {
            erased.carts += 1;
            String::new()
        } else {
            *if *family == name(Family::Returns) { &mut erased.returns } else { &mut erased.orders } += 1;
            depersonalise(&mut record, subject);
            Value::Object(record).to_string()
        };
        let sql = "UPDATE imported SET json = ?1, change = ?2 WHERE project = ?3 AND family = ?4 AND id = ?5";
        connection.prepare_cached(sql)?.execute(params![json, shop.next_change(), subject.project, family, id])?;
    }
    Ok(())
}

fn depersonalise(record: &mut Map<String, Value>, subject: &Subject) {
    record.retain(|name, _| !PERSONAL.contains(&name.as_str()));
    for address in ADDRESSES {
        if let Some(Value::Object(address)) = record.get_mut(*address) {
            address.retain(|name, _| IMPERSONAL.contains(&name.as_str()));
        }
    }
    record.retain(|name, value| name == "id" || !is_about(value, subject));
}

/// Whether a value is a text that names the person; such texts are also taken out of what is nested.
fn is_about(value: &mut Value, subject: &Subject) -> bool {
    match value {
        Value::String(text) => subject.is_named_in(text),
        Value::Array(elements) => {
            elements.retain_mut(|element| !is_about(element, subject));
            false
        }
        Value::Object(members) => {
            members.retain(|_, member| !is_about(member, subject));
            false
        }
        _ => false,
    }
}
