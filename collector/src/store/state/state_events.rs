//! The events from which carts and page fields of customers are derived, by person.
//!
//! The table `state_event` holds copies of these events, without the page and the session. A copy stays after the event has left the log, as
//! long as the state needs it: see [`compaction`](super::compaction). Only the newest [`MAX_EVENTS`] of a person are used, so that a program
//! that sends endless cart events cannot keep the store busy.

use rusqlite::{Connection, Row, params};
use tillroll_protocol::event::{Event, Visitor};
use uuid::Uuid;

use super::person::Person;
use crate::store::event_group::EventGroup;
use crate::store::identity;
use crate::store::log::event_ids;

/// The most events of a person from which the state is derived, the newest ones.
const MAX_EVENTS: usize = 1_000;

/// A state event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StateEvent {
    /// Its number in the log.
    pub(super) seq: i64,
    pub(super) time: u64,
    pub(super) id: [u8; 16],
    pub(super) event_type: String,
    pub(super) store: Option<String>,
    pub(super) params: String,
}

impl StateEvent {
    /// Reads the columns `time, id, type, store, params`, which begin at `column`. The first column of the row is `seq`.
    fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            time: row.get::<_, i64>(column)?.cast_unsigned(),
            id: row.get(column + 1)?,
            event_type: row.get(column + 2)?,
            store: row.get(column + 3)?,
            params: row.get(column + 4)?,
        })
    }
}

/// A state event that has left the log.
pub(in crate::store) struct TrimmedEvent {
    pub(super) project: i64,
    pub(super) group: EventGroup,
    pub(super) person: Option<Person>,
    pub(super) event: StateEvent,
}

/// Stores a copy of an event of this group. An event without a person is not stored: nothing is derived from it.
pub(super) fn insert(connection: &Connection, project: i64, seq: i64, group: EventGroup, id: &Uuid, event: &Event) -> rusqlite::Result<()> {
    let (visitor, email) = match &event.visitor {
        Visitor::Id(id) if id.is_empty() => return Ok(()),
        Visitor::Id(id) => (Some(id), None),
        Visitor::Email(email) => (None, Some(email)),
    };
    let insert = "INSERT INTO state_event (seq, project, event_group, visitor, email, time, id, type, store, params)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let Event { kind, time, store_id, params, .. } = event;
    let row = params![seq, project, group, visitor, email, time.cast_signed(), id.as_bytes(), kind, store_id, params.as_str()];
    connection.prepare_cached(insert)?.execute(row).map(|_| ())
}

/// Deletes the copy of an event, if there is one, and the event's id.
pub(in crate::store) fn delete(connection: &Connection, project: i64, seq: i64, id: &Uuid) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM state_event WHERE seq = ?1 AND project = ?2")?.execute([seq, project])?;
    event_ids::delete_id(connection, project, id, seq)
}

/// Returns state events with numbers after `after` up to `until`, in the order of the log.
pub(in crate::store) fn read_trimmed(connection: &Connection, after: i64, until: i64, limit: usize) -> rusqlite::Result<Vec<TrimmedEvent>> {
    let query = "SELECT seq, project, event_group, visitor, email, time, id, type, store, params FROM state_event
                 WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";
    let event = |row: &Row<'_>| {
        let (visitor, email): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let person = email.map(Person::Email).or(visitor.map(Person::Visitor));
        Ok(TrimmedEvent { project: row.get(1)?, group: row.get(2)?, person, event: StateEvent::read(row, 5)? })
    };
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map(params![after, until, i64::try_from(limit).unwrap_or(i64::MAX)], event)?.collect()
}

/// Returns the newest events of a person in this group, in the order of time.
pub(super) fn of_person(connection: &Connection, project: i64, person: &Person, group: EventGroup) -> rusqlite::Result<Vec<StateEvent>> {
    let mut events = match person {
        Person::Visitor(visitor) if identity::links(connection, project, visitor)?.is_empty() => {
            of_visitor(connection, project, visitor, group)?
        }
        Person::Visitor(_) => Vec::new(),
        Person::Email(email) => {
            let mut events = of_email(connection, project, email, group)?;
            for visitor in identity::newest_visitors(connection, project, email)? {
                let links = identity::links(connection, project, &visitor)?;
                let of_visitor = of_visitor(connection, project, &visitor, group)?;
                events.extend(of_visitor.into_iter().filter(|event| identity::email_of_links(&links, event.time) == Some(email)));
            }
            events
        }
    };
    events.sort_by_key(|event| (event.time, event.id));
    let surplus = events.len().saturating_sub(MAX_EVENTS);
    events.drain(..surplus);
    Ok(events)
}

fn of_visitor(connection: &Connection, project: i64, visitor: &str, group: EventGroup) -> rusqlite::Result<Vec<StateEvent>> {
    let query = "SELECT seq, time, id, type, store, params FROM state_event INDEXED BY state_event_by_visitor
                 WHERE project = ?1 AND visitor = ?2 AND event_group = ?3 ORDER BY time DESC LIMIT ?4";
    newest(connection, project, visitor, group, query)
}

fn of_email(connection: &Connection, project: i64, email: &str, group: EventGroup) -> rusqlite::Result<Vec<StateEvent>> {
    let query = "SELECT seq, time, id, type, store, params FROM state_event INDEXED BY state_event_by_email
                 WHERE project = ?1 AND email = ?2 AND event_group = ?3 ORDER BY time DESC LIMIT ?4";
    newest(connection, project, email, group, query)
}

fn newest(connection: &Connection, project: i64, name: &str, group: EventGroup, query: &'static str) -> rusqlite::Result<Vec<StateEvent>> {
    let row = |row: &Row<'_>| StateEvent::read(row, 1);
    connection.prepare_cached(query)?.query_map(params![project, name, group, MAX_EVENTS as i64], row)?.collect()
}
