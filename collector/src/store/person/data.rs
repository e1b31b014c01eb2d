//! The data of a person, as they may ask for it: everything that an erasure would delete or make anonymous.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::events;
use crate::store::erasure::search::Match;
use crate::store::identity;
use crate::store::imports;
use crate::store::state::person_records::{self, PersonRecord};
use crate::store::subject::Subject;

/// The data of a person without the events, which may be many.
#[derive(Debug)]
pub struct PersonData {
    /// The members of the file, without the events.
    pub members: Map<String, Value>,
    /// The numbers of the person's events, sorted.
    pub own: Vec<i64>,
    /// The numbers of events of others that mention the e-mail, sorted.
    pub mentions: Vec<i64>,
    /// Imported records of others that mention the e-mail.
    pub mentioning_records: Vec<Value>,
    has_records: bool,
}

impl PersonData {
    /// Adds events.
    pub(in crate::store) fn add(&mut self, found: Vec<Match>) {
        for Match { seq, is_own, .. } in found {
            if is_own { &mut self.own } else { &mut self.mentions }.push(seq);
        }
    }

    /// Returns the data with each event once and in order. An event that was trimmed between two searches may have been found by both.
    pub(in crate::store) fn sorted(mut self) -> Self {
        for seqs in [&mut self.own, &mut self.mentions] {
            seqs.sort_unstable();
            seqs.dedup();
        }
        self
    }

    /// Returns whether anything of the person is stored. An event or a record of another that mentions the e-mail makes no person.
    pub(in crate::store) fn exists(&self) -> bool {
        self.has_records || !self.own.is_empty()
    }
}

/// Returns the data of a person without the events.
pub(in crate::store) fn records(connection: &Connection, subject: &Subject) -> rusqlite::Result<PersonData> {
    let (imported, _) = imports::find_named(connection, subject, 0)?;
    let records = person_records::of(connection, subject, imports::documents(connection, subject, imported)?)?;
    let visitors = identity::visitors(connection, subject.project, &subject.email)?;
    let has_records = !(records.is_empty() && visitors.is_empty());
    let json = |records: Vec<PersonRecord>| records.into_iter().map(|record| Value::from(record.json)).collect::<Vec<_>>();
    let members = Map::from_iter([
        ("email".to_owned(), json!(subject.email)),
        ("customer".to_owned(), json!(records.customer)),
        ("visitor_ids".to_owned(), json!(visitors)),
        ("orders".to_owned(), json!(json(records.orders))),
        ("carts".to_owned(), json!(json(records.carts))),
        ("returns".to_owned(), json!(json(records.returns))),
    ]);
    Ok(PersonData { members, own: Vec::new(), mentions: Vec::new(), mentioning_records: records.mentions, has_records })
}

/// Returns the tags of a person, or None if nothing of the person is stored.
pub(in crate::store) fn tags(connection: &Connection, subject: &Subject) -> rusqlite::Result<Option<Value>> {
    let records = person_records::of(connection, subject, imports::of_customer(connection, subject)?)?;
    if let Some(mut customer) = records.customer {
        return Ok(customer.remove("tags"));
    }
    let mut is_known = !records.is_empty();
    if !is_known {
        events::visit(connection, subject, |_, _| is_known = true)?;
    }
    Ok(is_known.then(|| json!([])))
}
