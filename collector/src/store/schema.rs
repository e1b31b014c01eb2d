//! The tables, and how a store of an earlier version comes to have them.
//!
//! [`MIGRATIONS`] only ever grows: a released entry is never edited. `PRAGMA user_version` counts how many of them a store has seen.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::Error;

/// Each entry leads from the schema of its index to the next.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE project (
        id INTEGER PRIMARY KEY,
        token TEXT NOT NULL UNIQUE
    ) STRICT;

    -- The number of the newest event, kept apart so that no number is given twice even if the newest event is erased.
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL
    ) STRICT;
    INSERT INTO head (one, seq) VALUES (1, 0);

    -- The log. Rows are only ever added, in the order of seq. Times are milliseconds since 1970.
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        project INTEGER NOT NULL REFERENCES project (id),
        id BLOB NOT NULL,
        type TEXT NOT NULL,
        api TEXT NOT NULL,
        time INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        visitor TEXT,
        email TEXT,
        session TEXT,
        store TEXT,
        page TEXT NOT NULL,
        params TEXT NOT NULL,
        CHECK ((visitor IS NULL) <> (email IS NULL))
    ) STRICT;
    CREATE UNIQUE INDEX event_once ON event (project, id);

    -- Which e-mail a visitor gave, and when. All are kept: which one counts depends on the event that asks.
    CREATE TABLE link (
        project INTEGER NOT NULL REFERENCES project (id),
        visitor TEXT NOT NULL,
        time INTEGER NOT NULL,
        event BLOB NOT NULL,
        email TEXT NOT NULL,
        PRIMARY KEY (project, visitor, time, event)
    ) STRICT, WITHOUT ROWID;
"];

/// Opens a connection that commits durably.
///
/// The write-ahead log may grow to 64 MB before its pages go to their places: under load most pages are then written once and not often.
pub(super) fn connect(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy_timeout)?;
    connection.execute_batch(
        "PRAGMA page_size = 8192;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 8192;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -65536;
         PRAGMA temp_store = MEMORY;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Brings a store up to this version's schema, all at once or not at all.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let fault = |source| Error::OpenStore { path: path.to_owned(), source };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let Some(missing) = MIGRATIONS.get(found as usize..) else { return Err(Error::NewerStore { found, known }) };
    for migration in missing {
        transaction.execute_batch(migration).map_err(fault)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(fault)?;
    transaction.commit().map_err(fault)
}

/// Returns the number of the project with this token, which is given one if it is new.
pub(super) fn project(connection: &Connection, token: &str) -> rusqlite::Result<i64> {
    let known = connection.query_row("SELECT id FROM project WHERE token = ?1", [token], |row| row.get(0)).optional()?;
    match known {
        Some(id) => Ok(id),
        None => connection.query_row("INSERT INTO project (token) VALUES (?1) RETURNING id", [token], |row| row.get(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> Result<Connection, Error> {
        let path = folder.join("s");
        let mut connection = connect(&path, Duration::ZERO).unwrap();
        migrate(&mut connection, &path)?;
        Ok(connection)
    }

    #[test]
    fn a_store_keeps_its_projects_when_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = project(&open(folder.path()).unwrap(), "a").unwrap();
        let connection = open(folder.path()).unwrap();
        assert_eq!(project(&connection, "a").unwrap(), first);
        assert_ne!(project(&connection, "b").unwrap(), first);
    }

    #[test]
    fn a_store_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).unwrap().pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(open(folder.path()), Err(Error::NewerStore { found: 999, .. })));
    }

    #[test]
    fn commits_are_durable() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(folder.path()).unwrap();
        let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(read("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(read("synchronous"), rusqlite::types::Value::Integer(2));
        assert_eq!(read("foreign_keys"), rusqlite::types::Value::Integer(1));
    }
}
