//! Reads events from the log, and deletes single events from it.

use rusqlite::{Connection, OptionalExtension, params};
use tillroll_protocol::json_writer;
use uuid::Uuid;

use crate::sources::{Client, Device};
use crate::store::identity;
use crate::store::log::codec::{LogEvent, decode_segment, retain_slots};
use crate::store::log::cursor::Cursor;

/// Which events to read.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The project's number in the store.
    pub project: i64,
    /// Reads the events after this position.
    pub after: Cursor,
    /// The last position to read.
    pub until: Cursor,
    /// The most events to return.
    pub limit: usize,
}

/// An event as it is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedEvent {
    /// Its position in the log.
    pub cursor: Cursor,
    /// The exported JSON, in one line.
    pub json: String,
}

/// Returns the position of the newest event.
pub(in crate::store) fn head(connection: &Connection) -> rusqlite::Result<Cursor> {
    connection.prepare_cached("SELECT seq FROM log_head")?.query_row([], |row| row.get(0)).map(Cursor)
}

/// Returns the events of a range, oldest first, each with the e-mail that its visitor has now.
pub(in crate::store) fn read(connection: &Connection, range: Range) -> rusqlite::Result<Vec<ExportedEvent>> {
    let Range { project, after: Cursor(after), until: Cursor(until), limit } = range;
    let mut statement = connection.prepare_cached(
        "SELECT last_seq, slots, body FROM segment INDEXED BY segment_by_project
         WHERE project = ?1 AND last_seq > MAX(?2, (SELECT trimmed_until FROM log_head)) ORDER BY last_seq",
    )?;
    let mut rows = statement.query(params![project, after])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        for (seq, event) in decode_segment(row.get_ref(2)?.as_blob()?, row.get(0)?, row.get(1)?)? {
            if seq > until || events.len() == limit {
                return Ok(events);
            }
            if seq > after {
                events.push(export(connection, project, Cursor(seq), &event)?);
            }
        }
    }
    Ok(events)
}

/// Returns the position before the newest `count` events of a project.
pub(in crate::store) fn cursor_before_newest(connection: &Connection, project: i64, count: usize) -> rusqlite::Result<Cursor> {
    let query = "SELECT last_seq, slots, body FROM segment INDEXED BY segment_by_project WHERE project = ?1 ORDER BY last_seq DESC";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([project])?;
    let mut left = count;
    while let Some(row) = rows.next()? {
        for (seq, _) in decode_segment(row.get_ref(2)?.as_blob()?, row.get(0)?, row.get(1)?)?.iter().rev() {
            match left.checked_sub(1) {
                Some(fewer) => left = fewer,
                None => return Ok(Cursor(*seq)),
            }
        }
    }
    Ok(Cursor::START)
}

/// Replaces events of a project by tombstones. `seqs` is sorted.
pub(in crate::store) fn write_tombstones(connection: &Connection, project: i64, seqs: &[i64]) -> rusqlite::Result<()> {
    // Only the first row can have the number. The inner LIMIT keeps SQLite from scanning the rows after it.
    let query = "SELECT last_seq, slots, body FROM
                     (SELECT last_seq, slots, project, body FROM segment WHERE last_seq >= ?1 ORDER BY last_seq LIMIT 1)
                 WHERE last_seq - slots < ?1 AND project = ?2";
    let mut left = seqs;
    while let Some(first) = left.first() {
        let mut statement = connection.prepare_cached(query)?;
        let found: Option<(i64, i64, Vec<u8>)> =
            statement.query_row([*first, project], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((last_seq, slots, body)) = found else {
            // The event has left the log.
            left = left.get(1..).unwrap_or_default();
            continue;
        };
        let in_segment = left.split_off(..left.partition_point(|seq| *seq <= last_seq)).unwrap_or_default();
        let first = last_seq - slots + 1;
        let retained = retain_slots(&body, |index| in_segment.binary_search(&(first + index as i64)).is_err())?;
        connection.prepare_cached("UPDATE segment SET body = ?1 WHERE last_seq = ?2")?.execute(params![retained, last_seq])?;
    }
    Ok(())
}

/// The parameters were stored as JSON and are copied.
pub(in crate::store) fn export(
    connection: &Connection,
    project: i64,
    cursor: Cursor,
    event: &LogEvent<'_>,
) -> rusqlite::Result<ExportedEvent> {
    let email = identity::email_at(connection, project, event.sender.visitor(), event.time)?;
    let mut out = String::with_capacity(640);
    out.push('{');
    json_writer::push_field(&mut out, "cursor", &cursor.to_string());
    json_writer::push_field(&mut out, "id", event.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    json_writer::push_field(&mut out, "type", event.event_type);
    json_writer::push_field(&mut out, "api", event.api);
    for (name, number) in [("time", event.time), ("received_at", event.received_at)] {
        json_writer::push_key(&mut out, name);
        json_writer::push_integer(&mut out, number);
    }
    let sender = &event.sender;
    let texts = [("visitor_id", sender.visitor), ("email", email.as_deref()), ("session_id", sender.session), ("store_id", sender.store)];
    for (name, text) in texts {
        json_writer::push_key(&mut out, name);
        match text {
            Some(text) => json_writer::push_string(&mut out, text),
            None => out.push_str("null"),
        }
    }
    json_writer::push_key(&mut out, "page");
    event.page.write(&mut out);
    json_writer::push_key(&mut out, "params");
    out.push_str(event.params);
    if event.is_bot {
        json_writer::push_key(&mut out, "bot");
        out.push_str("true");
    }
    push_client(&mut out, event.client);
    out.push('}');
    Ok(ExportedEvent { cursor, json: out })
}

/// Writes the known parts of the device, and the country if it is known.
fn push_client(out: &mut String, Client { device, country }: Client) {
    if device != Device::default() {
        json_writer::push_key(out, "device");
        out.push('{');
        for (name, part) in [("type", device.kind()), ("browser", device.browser()), ("system", device.system())] {
            part.into_iter().for_each(|part| json_writer::push_field(out, name, part));
        }
        out.push('}');
    }
    country.code().iter().for_each(|code| json_writer::push_field(out, "country", code));
}
