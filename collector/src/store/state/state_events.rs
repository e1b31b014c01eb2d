//! The events from which carts and page fields of customers are derived, by person.
//!
//! The table `state_event` holds copies of these events, without the page and the session. A copy stays after the event has left the log, as
//! long as the state needs it: see [`compaction`](super::compaction). Events and bytes of a person are bounded, so that a program that sends
//! endless events about a person cannot keep the store busy.

use rusqlite::{Connection, Row, ToSql, params};
use tillroll_protocol::event::{Event, Visitor};
use uuid::Uuid;

use super::person::Person;
use crate::store::event_group::EventGroup;
use crate::store::identity;
use crate::store::log::event_ids;

/// The most events of a person from which a part of the state is derived.
const MAX_EVENTS: usize = 1_000;

/// The most events of one visitor, the newest ones.
const MAX_EVENTS_OF_VISITOR: usize = 500;

/// The most bytes of the parameters of these events.
const MAX_BYTES: usize = 128 * 1024;

/// What may still be read about a person.
struct Budget {
    events: usize,
    bytes: usize,
}

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
    /// Whether it was sent with the e-mail, not with a visitor id. Any page can name any e-mail.
    pub(super) names_email: bool,
}

impl StateEvent {
    /// Reads the columns `time, id, type, store, params`, which begin at `column`. The first column of the row is `seq`.
    fn read(row: &Row<'_>, column: usize, names_email: bool) -> rusqlite::Result<Self> {
        Ok(Self {
            names_email,
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
        let event = StateEvent::read(row, 5, email.is_some())?;
        let person = email.map(Person::Email).or(visitor.map(Person::Visitor));
        Ok(TrimmedEvent { project: row.get(1)?, group: row.get(2)?, person, event })
    };
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map(params![after, until, i64::try_from(limit).unwrap_or(i64::MAX)], event)?.collect()
}

/// Returns the newest events of a person in this group, first those of the visitors whose links arrived first, those of each in the order of time:
/// visitors that a stranger adds take nothing from them. Nor do events that name the e-mail, for which as much is read besides.
pub(super) fn of_person(connection: &Connection, project: i64, person: &Person, group: EventGroup) -> rusqlite::Result<Vec<StateEvent>> {
    let mut budget = Budget { events: MAX_EVENTS, bytes: MAX_BYTES };
    Ok(match person {
        Person::Visitor(visitor) if identity::links(connection, project, visitor)?.is_empty() => {
            budget.read(connection, OF_VISITOR, params![project, visitor, group])?
        }
        Person::Visitor(_) => Vec::new(),
        Person::Email(email) => {
            let mut events = Vec::new();
            for visitor in identity::visitors(connection, project, email)? {
                if budget.events == 0 || budget.bytes == 0 {
                    break;
                }
                let of_visitor = budget.read(connection, OF_VISITOR, params![project, visitor, group])?;
                events.extend(identity::of_email(connection, project, (&visitor, email), of_visitor, |event| event.time)?);
            }
            let mut budget = Budget { events: MAX_EVENTS_OF_VISITOR, bytes: MAX_BYTES };
            let of_email = budget.read(connection, OF_EMAIL, params![project, email, group])?;
            events.extend(of_email.into_iter().map(|event| StateEvent { names_email: true, ..event }));
            events
        }
    })
}

/// Returns the newest cart events of a person, in the order of time.
pub(super) fn of_carts(connection: &Connection, project: i64, person: &Person) -> rusqlite::Result<Vec<StateEvent>> {
    let mut events = of_person(connection, project, person, EventGroup::Carts)?;
    events.sort_by_key(|event| (event.time, event.id));
    Ok(events)
}

const OF_VISITOR: &str =
    "SELECT seq, time, id, type, store, params, octet_length(params) FROM state_event INDEXED BY state_event_by_visitor
                          WHERE project = ?1 AND visitor = ?2 AND event_group = ?3 ORDER BY time DESC";
const OF_EMAIL: &str = "SELECT seq, time, id, type, store, params, octet_length(params) FROM state_event INDEXED BY state_event_by_email
                        WHERE project = ?1 AND email = ?2 AND event_group = ?3 ORDER BY time DESC";

impl Budget {
    /// Reads the newest events of a query that the budget permits, and returns them in the order of time.
    fn read(&mut self, connection: &Connection, query: &'static str, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<StateEvent>> {
        let limit = self.events.min(MAX_EVENTS_OF_VISITOR);
        let mut statement = connection.prepare_cached(query)?;
        let mut rows = statement.query(values)?;
        let mut events = Vec::new();
        while events.len() < limit
            && let Some(row) = rows.next()?
        {
            match self.bytes.checked_sub(usize::try_from(row.get::<_, i64>(6)?).unwrap_or(usize::MAX)) {
                Some(bytes) => self.bytes = bytes,
                None => {
                    self.bytes = 0;
                    break;
                }
            }
            events.push(StateEvent::read(row, 1, false)?);
        }
        self.events -= events.len();
        events.reverse();
        Ok(events)
    }
}
