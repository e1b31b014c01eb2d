//! The deduplication index: the table `event_id` holds the id and the number of every stored event.
//!
//! An id stays until the event has left the log and the state no longer needs it.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection};
use uuid::Uuid;

/// How many ids each statement inserts. To start and finish a statement costs about as much as to insert two ids.
const IDS_PER_STATEMENT: [usize; 3] = [32, 8, 1];

static INSERTS: LazyLock<[(usize, String); 3]> = LazyLock::new(|| IDS_PER_STATEMENT.map(|rows| (rows, insert_statement(rows))));

/// An id that exists already is skipped. With `ON CONFLICT DO NOTHING` SQLite would prepare to undo the statement, as a null could fail it halfway,
/// and copy each page before it changes.
fn insert_statement(rows: usize) -> String {
    let rows = vec!["(?1, ?, ?, ?)"; rows].join(", ");
    format!("INSERT OR IGNORE INTO event_id (project, high, low, seq) VALUES {rows}")
}

/// The two halves of an id and the number of its event. SQLite compares integers faster than blobs.
type Row = [i64; 3];

fn row(id: &Uuid, seq: i64) -> Row {
    let (high, low) = id.as_u64_pair();
    [high.cast_signed(), low.cast_signed(), seq]
}

/// Inserts the ids of the events that follow the number `last_seq`. Returns for each whether it is new.
pub(in crate::store) fn insert_ids(connection: &Connection, project: i64, last_seq: i64, ids: &[&Uuid]) -> rusqlite::Result<Vec<bool>> {
    let mut is_new = vec![true; ids.len()];
    let mut rows: Vec<Row> = (last_seq + 1..).zip(ids).map(|(seq, id)| row(id, seq)).collect();
    // In the order of the index most ids are inserted behind the one before, in the same page. Of equal ids the first event is stored.
    rows.sort_unstable();
    let mut rest = rows.as_slice();
    for (count, insert) in INSERTS.iter().filter(|(count, _)| *count <= rows.len()) {
        let mut insert = connection.prepare_cached(insert)?;
        while let Some((rows, after)) = rest.split_at_checked(*count) {
            rest = after;
            if execute(&mut insert, project, rows)? < *count {
                find_duplicates(connection, project, rows, |seq| clear(&mut is_new, seq - last_seq))?;
            }
        }
    }
    Ok(is_new)
}

/// Clears the flag with this number; the first one has the number 1.
fn clear(flags: &mut [bool], number: i64) {
    let at = usize::try_from(number - 1).ok();
    if let Some(flag) = at.and_then(|at| flags.get_mut(at)) {
        *flag = false;
    }
}

/// Reports the number of each event whose id the table has under another number than the one it was inserted with.
fn find_duplicates(connection: &Connection, project: i64, rows: &[Row], mut report: impl FnMut(i64)) -> rusqlite::Result<()> {
    let query = "SELECT seq FROM event_id WHERE high = ?1 AND low = ?2 AND project = ?3";
    let mut select = connection.prepare_cached(query)?;
    for &[high, low, seq] in rows {
        if select.query_row([high, low, project], |row| row.get::<_, i64>(0))? != seq {
            report(seq);
        }
    }
    Ok(())
}

/// Runs an insert statement with as many ids as it has rows, and returns how many were new.
fn execute(statement: &mut CachedStatement<'_>, project: i64, rows: &[Row]) -> rusqlite::Result<usize> {
    statement.raw_bind_parameter(1, project)?;
    for (parameter, value) in (2_usize..).zip(rows.as_flattened()) {
        statement.raw_bind_parameter(parameter, *value)?;
    }
    statement.raw_execute()
}

/// Deletes the id of the event with this number. An event with the same id that was stored again later has another number and keeps its id.
pub(in crate::store) fn delete_id(connection: &Connection, project: i64, id: &Uuid, seq: i64) -> rusqlite::Result<()> {
    let [high, low, seq] = row(id, seq);
    let delete = "DELETE FROM event_id WHERE high = ?1 AND low = ?2 AND project = ?3 AND seq = ?4";
    connection.prepare_cached(delete)?.execute([high, low, project, seq]).map(|_| ())
}
