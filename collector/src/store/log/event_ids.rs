//! The deduplication index: the table `event_id` holds the id and the number of every stored event.
//!
//! An id stays until the event has left the log and the state no longer needs it.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection};
use uuid::Uuid;

/// How many ids one statement inserts. To start and finish a statement costs about as much as to insert two ids.
const IDS_PER_STATEMENT: usize = 32;

static INSERT_ONE: LazyLock<String> = LazyLock::new(|| insert_statement(1));
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| insert_statement(IDS_PER_STATEMENT));

/// An id that exists already is skipped.
fn insert_statement(rows: usize) -> String {
    let rows = vec!["(?1, ?, ?, ?)"; rows].join(", ");
    format!("INSERT INTO event_id (project, high, low, seq) VALUES {rows} ON CONFLICT DO NOTHING")
}

/// The two halves of an id. SQLite compares integers faster than blobs.
fn uuid_halves(id: &Uuid) -> [i64; 2] {
    let (high, low) = id.as_u64_pair();
    [high.cast_signed(), low.cast_signed()]
}

/// Inserts the ids of the events that follow the number `last_seq`. Returns for each whether it is new.
pub(in crate::store) fn insert_ids(connection: &Connection, project: i64, last_seq: i64, ids: &[&Uuid]) -> rusqlite::Result<Vec<bool>> {
    let mut is_new = vec![true; ids.len()];
    let mut insert_one = connection.prepare_cached(&INSERT_ONE)?;
    let mut insert_many = connection.prepare_cached(&INSERT_MANY)?;
    let chunks = ids.chunks(IDS_PER_STATEMENT).zip(is_new.chunks_mut(IDS_PER_STATEMENT));
    for (first, (ids, is_new)) in (last_seq + 1..).step_by(IDS_PER_STATEMENT).zip(chunks) {
        if ids.len() < IDS_PER_STATEMENT {
            for ((seq, id), is_new) in (first..).zip(ids).zip(is_new) {
                *is_new = execute(&mut insert_one, project, seq, &[id])? > 0;
            }
        } else if execute(&mut insert_many, project, first, ids)? < IDS_PER_STATEMENT {
            find_duplicates(connection, project, first, ids, is_new)?;
        }
    }
    Ok(is_new)
}

/// Clears `is_new` for each id that the table has under another number than the one it was inserted with.
fn find_duplicates(connection: &Connection, project: i64, first: i64, ids: &[&Uuid], is_new: &mut [bool]) -> rusqlite::Result<()> {
    let query = "SELECT seq FROM event_id WHERE high = ?1 AND low = ?2 AND project = ?3";
    let mut select = connection.prepare_cached(query)?;
    for ((seq, id), is_new) in (first..).zip(ids).zip(is_new) {
        let [high, low] = uuid_halves(id);
        *is_new = select.query_row([high, low, project], |row| row.get::<_, i64>(0))? == seq;
    }
    Ok(())
}

/// Runs an insert statement with as many ids as it has rows, and returns how many were new.
fn execute(statement: &mut CachedStatement<'_>, project: i64, first: i64, ids: &[&Uuid]) -> rusqlite::Result<usize> {
    statement.raw_bind_parameter(1, project)?;
    let mut parameter = 1;
    for (seq, id) in (first..).zip(ids) {
        let [high, low] = uuid_halves(id);
        for value in [high, low, seq] {
            parameter += 1;
            statement.raw_bind_parameter(parameter, value)?;
        }
    }
    statement.raw_execute()
}

/// Deletes the id of the event with this number. An event with the same id that was stored again later has another number and keeps its id.
pub(in crate::store) fn delete_id(connection: &Connection, project: i64, id: &Uuid, seq: i64) -> rusqlite::Result<()> {
    let [high, low] = uuid_halves(id);
    let delete = "DELETE FROM event_id WHERE high = ?1 AND low = ?2 AND project = ?3 AND seq = ?4";
    connection.prepare_cached(delete)?.execute([high, low, project, seq]).map(|_| ())
}
