//! The events of which the state is made: what people put into carts and told of themselves, found by person.
//!
//! They stand in the log like all others. Here they stay after they have left it, as long as the state needs them: see
//! [`settle`](super::shop), and without what nobody needs for that, the page and the visit.

use rusqlite::{Connection, params};
use tillroll_protocol::event::{Event, Visitor};
use uuid::Uuid;

use super::log;

/// Keeps an event that belongs to a part of a history.
pub(super) fn keep(connection: &Connection, project: i64, seq: i64, part: i64, key: &Uuid, event: &Event) -> rusqlite::Result<()> {
    let (visitor, email) = match &event.visitor {
        // A back end that knows nobody.
        Visitor::Id(id) if id.is_empty() => return Ok(()),
        Visitor::Id(id) => (Some(id), None),
        Visitor::Email(email) => (None, Some(email)),
    };
    let keep = "INSERT INTO step (seq, project, step, visitor, email, time, id, type, store, params)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let Event { kind, time, store_id, params, .. } = event;
    let row = params![seq, project, part, visitor, email, time.cast_signed(), key.as_bytes(), kind, store_id, params.as_str()];
    connection.prepare_cached(keep)?.execute(row).map(|_| ())
}

/// Forgets an event, if it was one of these, and that there was one with its id.
pub(super) fn drop(connection: &Connection, project: i64, seq: i64, key: &Uuid) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM step WHERE seq = ?1 AND project = ?2")?.execute([seq, project])?;
    log::forget(connection, project, key, seq)
}
