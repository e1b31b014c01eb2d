//! The tables, and how a store of an earlier version comes to have them.
//!
//! [`MIGRATIONS`] only ever grows: a released entry is never edited. `PRAGMA user_version` counts how many of them a store has seen.

use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::earlier;
use crate::Error;
use crate::cli::Fault;

/// A step from one schema to the next.
enum Migration {
    /// Statements.
    Sql(&'static str),
    /// What cannot be said in statements.
    Work(fn(&Connection) -> rusqlite::Result<()>),
}
use Migration::{Sql, Work};

impl Migration {
    fn go(&self, connection: &Connection) -> rusqlite::Result<()> {
        match self {
            Sql(statements) => connection.execute_batch(statements),
            Work(work) => work(connection),
        }
    }
}

/// Each entry leads from the schema of its index to the next.
const MIGRATIONS: &[Migration] = &[
    Sql("
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
        step INTEGER,
        CHECK (visitor IS NULL OR email IS NULL)
    ) STRICT;
    CREATE UNIQUE INDEX event_once ON event (project, id);

    -- What people put into carts (step 1) and told of themselves (step 2); other events have no step and are in neither index. A list of
    -- types in place of the step would cost each event more than everything else.
    CREATE INDEX step_of_visitor ON event (project, visitor, step, time) WHERE step IS NOT NULL AND visitor IS NOT NULL;
    CREATE INDEX step_of_email ON event (project, email, step, time) WHERE step IS NOT NULL AND email IS NOT NULL;

    -- Which e-mail a visitor gave, and when. All are kept: which one counts depends on the event that asks.
    CREATE TABLE link (
        project INTEGER NOT NULL REFERENCES project (id),
        visitor TEXT NOT NULL,
        time INTEGER NOT NULL,
        event BLOB NOT NULL,
        email TEXT NOT NULL,
        PRIMARY KEY (project, visitor, time, event)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_of_email ON link (project, email, time);

    -- What is true of the shop now. Each change of a row takes the next number from `change_head`; who follows the changes sees each row
    -- again under its newest number. `told` holds fields as registers: name, rank, time, value.
    CREATE TABLE change_head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        change INTEGER NOT NULL
    ) STRICT;
    INSERT INTO change_head (one, change) VALUES (1, 0);

    -- `told` is what the back end said; `heard` and `seen` follow from the events of the person.
    CREATE TABLE customer (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL DEFAULT '{}',
        heard TEXT NOT NULL DEFAULT '{}',
        seen INTEGER,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE category (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE product (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    -- Which product an option belongs to.
    CREATE TABLE option_of (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        product TEXT NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;

    -- `person` is who reported the order first, and `reported_at` when; `email` and `created_at` are the back end's. `statuses` tells
    -- when each status was first heard of.
    CREATE TABLE placed (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        told TEXT NOT NULL,
        statuses TEXT NOT NULL,
        person TEXT,
        reported_at INTEGER,
        email TEXT,
        created_at INTEGER,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX placed_by_person ON placed (project, person) WHERE person IS NOT NULL;
    CREATE INDEX placed_by_email ON placed (project, email) WHERE email IS NOT NULL;
    CREATE INDEX placed_by_change ON placed (change);

    -- `id` is the id of the event that told of the return.
    CREATE TABLE returned (
        project INTEGER NOT NULL REFERENCES project (id),
        id BLOB NOT NULL,
        placed TEXT NOT NULL,
        time INTEGER NOT NULL,
        person TEXT,
        lines TEXT,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX returned_of_order ON returned (project, placed);
    CREATE INDEX returned_by_person ON returned (project, person) WHERE person IS NOT NULL;
    CREATE INDEX returned_by_change ON returned (change);

    -- `opened` is the id of the event that opened the cart, `owner` whose it is now, `basket` the id that the shop gave it, `touched` when
    -- it was last changed or ended. A cart that turned out to be part of another one is `gone`.
    CREATE TABLE cart (
        project INTEGER NOT NULL REFERENCES project (id),
        opened BLOB NOT NULL,
        owner TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'placed', 'emptied', 'gone')),
        basket TEXT,
        touched INTEGER NOT NULL,
        content TEXT NOT NULL,
        change INTEGER NOT NULL,
        PRIMARY KEY (project, opened)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX cart_of_owner ON cart (project, owner);
    CREATE INDEX cart_of_basket ON cart (project, basket) WHERE basket IS NOT NULL;
    CREATE INDEX cart_by_change ON cart (change);
"),
    Sql(super::imported::TABLE),
    Sql("
    -- Up to which event the log was trimmed: nobody is shown anything up to it.
    ALTER TABLE head ADD COLUMN trimmed INTEGER NOT NULL DEFAULT 0;

    -- What is read of the log is read by project and in the order of seq, which every index ends with.
    CREATE INDEX event_of_project ON event (project);

    -- Written to see whether a disk that refused to write has room again.
    CREATE TABLE filler (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        bytes BLOB NOT NULL
    ) STRICT;
"),
    Sql("
    -- 1 where the sender is a program that reads shops, by its own word.
    ALTER TABLE event ADD COLUMN bot INTEGER;
"),
    Sql("
    -- The number of the last change of something that lines of orders, carts and returns show of a product.
    ALTER TABLE product ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX product_by_shown ON product (shown);
"),
    Sql("
    -- Up to which event that has left the log it was seen to what is still needed of it for the state.
    ALTER TABLE head ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;

    -- 1 where the cart stays as it is, because its events are gone.
    ALTER TABLE cart ADD COLUMN settled INTEGER;

    -- What pages told of customers by events that are gone, and when the first of them was.
    CREATE TABLE remembered (
        project INTEGER NOT NULL REFERENCES project (id),
        id TEXT NOT NULL,
        heard TEXT NOT NULL,
        seen INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    ) STRICT, WITHOUT ROWID;
"),
    Sql(earlier::STRETCHES),
    Work(earlier::pack),
];

/// Opens a connection that commits durably.
///
/// What is deleted is overwritten: somebody who is erased is gone from the file as well.
///
/// The write-ahead log keeps up to 192 MB of the disk, which is more than it takes under load: to cut it and have it grow again would make
/// everybody wait. A connection that is not the writing thread's works it off after 64 MB.
pub(super) fn connect(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy_timeout)?;
    connection.execute_batch(
        "PRAGMA page_size = 8192;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 8192;
         PRAGMA journal_size_limit = 201326592;
         PRAGMA cache_size = -65536;
         PRAGMA temp_store = MEMORY;
         PRAGMA secure_delete = ON;",
    )?;
    connection.set_prepared_statement_cache_capacity(128);
    // Else a statement is planned anew for most values that it is given, which takes ten times as long as to run it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Empties the write-ahead log, which still holds pages as they were before an erasure. Somebody who reads an old state at that moment keeps
/// it from being emptied; then it is written over in time, and gone when the store is closed.
pub(super) fn empty_log(connection: &Connection) {
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    if !matches!(emptied, Ok(false)) {
        tracing::warn!("the write-ahead log could not be emptied after an erasure");
    }
}

/// Checks that a store has this version's schema.
pub(super) fn is_current(connection: &Connection, path: &Path) -> Result<(), Error> {
    let fault = |source| Error::OpenStore { path: path.to_owned(), source };
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    match found.cmp(&known) {
        Ordering::Less => Err(Fault::OlderStore { found, known }.into()),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Error::NewerStore { found, known }),
    }
}

/// Prepares the connection of the writing thread, whose commits another thread makes durable and brings to their places.
///
/// ProjectRegistry are numbered by the store itself, so looking each one up again for every event would find nothing new.
pub(super) fn for_writing(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF;")
}

/// Writes everything to its place and flushes it there, and fails if that does not work.
pub(super) fn settle(connection: &Connection) -> rusqlite::Result<()> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)) }
}

/// Brings a store up to this version's schema, all at once or not at all.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let fault = |source| Error::OpenStore { path: path.to_owned(), source };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let Some(missing) = MIGRATIONS.get(found as usize..) else { return Err(Error::NewerStore { found, known }) };
    missing.iter().try_for_each(|migration| migration.go(&transaction)).map_err(fault)?;
    transaction.pragma_update(None, "user_version", known).map_err(fault)?;
    transaction.commit().map_err(fault)
}

/// Brings an empty store to the schema that a version had which knew so many migrations.
#[cfg(test)]
pub(super) fn migrate_as_before(connection: &Connection, known: usize) {
    MIGRATIONS.iter().take(known).try_for_each(|migration| migration.go(connection)).unwrap();
    connection.pragma_update(None, "user_version", known as u32).unwrap();
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

    /// Whoever has to touch this test is about to leave somebody's store behind.
    #[test]
    fn the_first_schema_is_never_edited() {
        use sha2::{Digest, Sha256};
        let Sql(first) = MIGRATIONS[0] else { panic!("it is statements") };
        let digest: String = Sha256::digest(first).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "f81aaaa43eac24ab");
    }

    #[test]
    fn a_statement_is_planned_once_whatever_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(folder.path()).unwrap();
        let query = "SELECT email FROM link WHERE project = ?1 AND visitor = ?2 AND time <= ?3 ORDER BY time DESC LIMIT ?4";
        let mut statement = connection.prepare(query).unwrap();
        for number in 0..9 {
            assert!(statement.query_row([number; 4], |_| Ok(())).optional().unwrap().is_none());
        }
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
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
