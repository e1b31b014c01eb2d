//! The events of a person: finds them in the log, and reads events by their numbers.

use memchr::memmem::Finder;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::store::erasure::search::Search;
use crate::store::log::codec::{LogEvent, decode_segment};
use crate::store::log::cursor::Cursor;
use crate::store::log::event_reader;
use crate::store::subject::Subject;

/// A person with more ids than this has every segment decoded: searching for each id would take longer.
const MAX_FINDERS: usize = 16;

/// Calls `visit` with each event of the person in the log and its number, oldest arrival first.
pub(in crate::store) fn visit(
    connection: &Connection,
    subject: &Subject,
    mut visit: impl FnMut(i64, &LogEvent<'_>),
) -> rusqlite::Result<()> {
    let search = Search::new(connection, subject)?;
    let ids: Vec<&str> = search.ids().collect();
    let finders: Vec<Finder<'_>> = if ids.len() > MAX_FINDERS { Vec::new() } else { ids.into_iter().map(Finder::new).collect() };
    let may_contain = |body: &[u8]| finders.is_empty() || finders.iter().any(|finder| finder.find(body).is_some());
    let mut statement = connection.prepare_cached(
        "SELECT last_seq, slots, body FROM segment INDEXED BY segment_by_project
         WHERE project = ?1 AND last_seq > (SELECT trimmed_until FROM log_head) ORDER BY last_seq",
    )?;
    let mut rows = statement.query([subject.project])?;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(2)?.as_blob()?;
        if may_contain(body) {
            for (seq, event) in decode_segment(body, row.get(0)?, row.get(1)?)? {
                if search.is_own(event.sender.visitor(), event.time)? {
                    visit(seq, &event);
                }
            }
        }
    }
    Ok(())
}

/// Returns the exported events with these numbers, which are sorted. One that has left the log is returned as far as the state kept it; one
/// that was erased is left out.
pub(in crate::store) fn read(connection: &Connection, project: i64, seqs: &[i64]) -> rusqlite::Result<Vec<(i64, Value)>> {
    let mut events = Vec::with_capacity(seqs.len());
    let mut left = seqs;
    let mut segment = connection.prepare_cached(
        "SELECT last_seq, slots, body FROM
             (SELECT last_seq, slots, project, body FROM segment WHERE last_seq >= ?1 ORDER BY last_seq LIMIT 1)
         WHERE last_seq - slots < ?1 AND project = ?2",
    )?;
    while let Some(first) = left.first() {
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?));
        let Some((last_seq, slots, body)) = segment.query_row([*first, project], row).optional()? else {
            events.extend(kept_event(connection, project, *first)?.map(|event| (*first, event)));
            left = left.get(1..).unwrap_or_default();
            continue;
        };
        let in_segment = left.split_off(..left.partition_point(|seq| *seq <= last_seq)).unwrap_or_default();
        for (seq, event) in decode_segment(&body, last_seq, slots)? {
            if in_segment.binary_search(&seq).is_ok() {
                let exported = event_reader::export(connection, project, Cursor(seq), &event)?;
                let mut value: Value = serde_json::from_str(&exported.json).unwrap_or_default();
                value.as_object_mut().and_then(|object| object.remove("cursor"));
                events.push((seq, value));
            }
        }
    }
    Ok(events)
}

/// Returns the copy of an event from which the state is derived.
fn kept_event(connection: &Connection, project: i64, seq: i64) -> rusqlite::Result<Option<Value>> {
    let query = "SELECT id, type, time, visitor, email, store, params FROM state_event WHERE seq = ?1 AND project = ?2";
    let event = |row: &Row<'_>| {
        let params: Value = serde_json::from_str(row.get_ref(6)?.as_str()?).unwrap_or_default();
        let text = |column: usize| row.get::<_, Option<String>>(column);
        Ok(json!({
            "id": Uuid::from_bytes(row.get(0)?).to_string(),
            "type": text(1)?,
            "time": row.get::<_, i64>(2)?,
            "visitor_id": text(3)?,
            "email": text(4)?,
            "store_id": text(5)?,
            "params": params,
        }))
    };
    connection.prepare_cached(query)?.query_row(params![seq, project], event).optional()
}
