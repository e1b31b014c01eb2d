//! Opens connections: their durability, limits and pragmas.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Row};

/// Opens a connection whose commits are on disk when they return.
///
/// `synchronous = FULL` flushes the write-ahead log with each commit (<https://sqlite.org/pragma.html#pragma_synchronous>). `secure_delete`
/// overwrites deleted content, so the data of an erased person leaves the file too.
///
/// A commit that lets the write-ahead log grow beyond 64 MB copies its pages to the database, and a later one restarts the log if no
/// reader needs it. The server's writer leaves the copying to another thread. [`limit_log`] waits for the readers if the log is never
/// restarted. The file keeps its length up to 128 MB: to truncate it and let it grow again would delay every commit.
pub(in crate::store) fn connect(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy_timeout)?;
    connection.execute_batch(
        "PRAGMA page_size = 8192;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 8192;
         PRAGMA journal_size_limit = 134217728;
         PRAGMA cache_size = -65536;
         PRAGMA temp_store = MEMORY;
         PRAGMA secure_delete = ON;",
    )?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without this SQLite plans a statement again for most bound values, which takes ten times as long as to run it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Opens the connection of the writing thread.
///
/// The store assigns project numbers itself, so a foreign key check for each row would find nothing. Its commits make no checkpoints.
pub(in crate::store) fn connect_writer(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = connect(path, busy_timeout)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Lets commits return before they are on disk: a loss of power may undo the last ones, each as a whole.
///
/// For the entries of a log that other machines hold: the number of the last one is part of its commit, so the store applies them again.
pub(in crate::store) fn leave_commits_unflushed(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Opens a connection that cannot write.
pub(in crate::store) fn connect_reader(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = connect(path, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    Ok(connection)
}

/// Returns the length of the database with the write-ahead log and the open transaction, in bytes.
pub(in crate::store) fn database_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |query| connection.prepare_cached(query)?.query_row([], |row| row.get::<_, i64>(0));
    Ok((number("PRAGMA page_count")? * number("PRAGMA page_size")?).cast_unsigned())
}

/// Copies the write-ahead log to the database as far as no reader prevents it. Returns how many pages the log has, or None if another
/// checkpoint runs.
pub(in crate::store) fn checkpoint(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], log_pages)
}

/// Returns how many pages the write-ahead log has after a checkpoint, from the row of its result; SQLite has -1 if it made none.
fn log_pages(row: &Row<'_>) -> rusqlite::Result<Option<i64>> {
    Ok(Some(row.get(1)?).filter(|pages| *pages >= 0))
}

/// Empties the write-ahead log, which still contains pages from before an erasure.
///
/// A reader of an older snapshot prevents that. Then later commits overwrite the log, and closing the store deletes it. Returns how many pages
/// the log has, if it is certain.
pub(in crate::store) fn checkpoint_truncate(connection: &Connection) -> Option<i64> {
    let pages = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], log_pages).ok().flatten();
    if pages != Some(0) {
        tracing::warn!("cannot empty the write-ahead log after an erasure");
    }
    pages
}

/// The length of the write-ahead log from which on the writer waits for readers to be able to restart it, in bytes.
const MAX_LOG_BYTES: u64 = 128 << 20;

/// How long the writer waits for readers then. Each read is one page, so in most cases they end sooner.
const LOG_RESTART_TIMEOUT: Duration = Duration::from_millis(200);

/// Returns whether the write-ahead log of the store in this file is too long. After it was restarted the log keeps its length.
pub(in crate::store) fn is_log_too_long(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|file| file.len() > MAX_LOG_BYTES)
}

/// Copies the whole write-ahead log to the database, and waits until no reader needs it, so that the log is emptied. Returns how many pages the
/// log has, if it is certain.
pub(in crate::store) fn limit_log(connection: &Connection, busy_timeout: Duration) -> Option<i64> {
    let restart = || {
        connection.busy_timeout(LOG_RESTART_TIMEOUT)?;
        let pages = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], log_pages);
        connection.busy_timeout(busy_timeout).and(pages)
    };
    let report = |error: &rusqlite::Error| tracing::warn!(%error, "cannot shorten the write-ahead log");
    restart().inspect_err(report).ok().flatten()
}

/// Returns the number of the project with this token, or None if it has none.
pub(in crate::store) fn find_project(connection: &Connection, token: &str) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT id FROM project WHERE token = ?1", [token], |row| row.get(0)).optional()
}

/// Returns the number of the project with this token. A new token gets a new number.
pub(in crate::store) fn project_number(connection: &Connection, token: &str) -> rusqlite::Result<i64> {
    match find_project(connection, token)? {
        Some(number) => Ok(number),
        None => connection.query_row("INSERT INTO project (token) VALUES (?1) RETURNING id", [token], |row| row.get(0)),
    }
}
