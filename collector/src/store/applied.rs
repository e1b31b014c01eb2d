//! Which log the store follows, and the number of the last entry that it has applied.

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

/// How many of the last entries an entry is compared with, so that one that was published twice is applied once. A publisher repeats an entry
/// within seconds.
const REMEMBERED_ENTRIES: u64 = 8_192;

/// After how many entries older ones are deleted. Their ids are in pages that a commit would otherwise not write.
const DELETION_INTERVAL: u64 = 64;

/// The log that a store follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The identity of the log.
    pub group: String,
    /// The number of the last entry that was applied.
    pub applied: u64,
}

/// Returns the log that the store follows, or None if it follows none.
pub(in crate::store) fn membership(connection: &Connection) -> rusqlite::Result<Option<Membership>> {
    let row = |row: &Row<'_>| Ok(Membership { group: row.get(0)?, applied: row.get::<_, i64>(1)?.cast_unsigned() });
    connection.query_row("SELECT log_group, applied FROM replica", [], row).optional()
}

/// Makes the store follow a log.
pub(in crate::store) fn set_membership(connection: &Connection, membership: &Membership) -> rusqlite::Result<()> {
    let insert = "INSERT OR REPLACE INTO replica (singleton, log_group, applied) VALUES (1, ?1, ?2)";
    connection.execute(insert, params![membership.group, membership.applied.cast_signed()]).map(|_| ())
}

/// Makes the store independent of every log.
pub(in crate::store) fn leave(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM replica; DELETE FROM replica_entry; DELETE FROM group_file;")
}

/// Returns whether anything was ever stored: projects come before everything else.
pub(in crate::store) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM project)", [], |row| row.get(0))
}

/// Returns the id of the applied entry with this number, if it is remembered.
pub(in crate::store) fn entry(connection: &Connection, number: u64) -> rusqlite::Result<Option<[u8; 16]>> {
    connection.query_row("SELECT id FROM replica_entry WHERE number = ?1", [number.cast_signed()], |row| row.get(0)).optional()
}

/// Records that an entry is applied. Returns false if an entry with the same id was applied before.
pub(in crate::store) fn record(connection: &Connection, number: u64, id: &Uuid) -> rusqlite::Result<bool> {
    let insert = "INSERT INTO replica_entry (id, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let is_new = connection.prepare_cached(insert)?.execute(params![id.as_bytes(), number.cast_signed()])? > 0;
    if number.is_multiple_of(DELETION_INTERVAL) {
        let delete = "DELETE FROM replica_entry WHERE number <= ?1";
        connection.prepare_cached(delete)?.execute([number.saturating_sub(REMEMBERED_ENTRIES).cast_signed()])?;
    }
    connection.prepare_cached("UPDATE replica SET applied = ?1")?.execute([number.cast_signed()])?;
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::schema::migrations::migrate;

    #[test]
    fn the_last_entries_are_remembered_and_older_ones_are_deleted() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("memory")).unwrap();
        let id = |number: u64| Uuid::from_u128(u128::from(number));
        let last = REMEMBERED_ENTRIES + 2 * DELETION_INTERVAL - 1;
        for number in 1..=last {
            assert!(record(&connection, number, &id(number)).unwrap(), "{number}");
        }
        assert!(
            !record(&connection, last + 1, &id(last + 1 - REMEMBERED_ENTRIES)).unwrap(),
            "it was applied {REMEMBERED_ENTRIES} entries ago"
        );
        assert_eq!(entry(&connection, DELETION_INTERVAL).unwrap(), None);
        let count: i64 = connection.query_row("SELECT count(*) FROM replica_entry", [], |row| row.get(0)).unwrap();
        assert!(count.cast_unsigned() <= REMEMBERED_ENTRIES + DELETION_INTERVAL, "{count}");
    }
}
