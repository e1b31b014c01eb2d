//! Creates the tables of a new store, and checks the version of an existing one.
//!
//! `PRAGMA user_version` holds the schema version. A released entry of [`MIGRATIONS`] is never edited: the list only grows.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::error::StoreError;

/// The tables of version 1.
const VERSION_1: &str = include_str!("version_1.sql");

/// Each entry leads from one version to the next; the first one from version 1 to version 2.
const MIGRATIONS: &[&str] = &[];

/// The schema version of this build.
pub(in crate::store) const VERSION: u32 = 1 + MIGRATIONS.len() as u32;

/// Creates the tables of a new store or migrates an older one, in one transaction. Refuses a version that this build does not support.
pub(in crate::store) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let open_error = |source| StoreError::Open { path: path.to_owned(), source };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(open_error)?;
    let found = version(&transaction).map_err(open_error)?;
    if found == 0 && is_empty(&transaction).map_err(open_error)? {
        transaction.execute_batch(VERSION_1).map_err(open_error)?;
    } else if found == 0 || found > VERSION {
        return Err(unsupported(path, found));
    }
    let missing = MIGRATIONS.iter().skip(found.saturating_sub(1) as usize);
    missing.into_iter().try_for_each(|migration| transaction.execute_batch(migration)).map_err(open_error)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(open_error)?;
    transaction.commit().map_err(open_error)
}

/// Checks that a store has the version of this build.
pub(in crate::store) fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    if found == VERSION { Ok(()) } else { Err(unsupported(path, found)) }
}

/// Checks that a server of this build can open the store, with a migration if necessary.
pub(in crate::store) fn check_can_migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    if (1..=VERSION).contains(&found) { Ok(()) } else { Err(unsupported(path, found)) }
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

fn unsupported(path: &Path, found: u32) -> StoreError {
    StoreError::UnsupportedVersion { path: path.to_owned(), found, supported: VERSION }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusqlite::OptionalExtension;

    use super::*;
    use crate::store::schema::connect::{connect, project_number};

    fn open(folder: &Path) -> Result<Connection, StoreError> {
        let path = folder.join("s");
        let mut connection = connect(&path, Duration::ZERO).unwrap();
        migrate(&mut connection, &path)?;
        Ok(connection)
    }

    #[test]
    fn a_reopened_store_has_the_same_project_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let first = project_number(&open(folder.path()).unwrap(), "a").unwrap();
        let connection = open(folder.path()).unwrap();
        assert_eq!(project_number(&connection, "a").unwrap(), first);
        assert_ne!(project_number(&connection, "b").unwrap(), first);
    }

    #[test]
    fn a_store_of_an_unsupported_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for version in [0, VERSION + 1, 999] {
            open(folder.path()).unwrap().pragma_update(None, "user_version", version).unwrap();
            let error = open(folder.path()).unwrap_err();
            assert!(matches!(error, StoreError::UnsupportedVersion { found, .. } if found == version), "{error}");
            // The refused store is unchanged.
            Connection::open(folder.path().join("s")).unwrap().pragma_update(None, "user_version", VERSION).unwrap();
        }
    }

    /// Once a version is released, a change of its text would leave existing stores behind: add a migration instead. Until the first release,
    /// update the digest.
    #[test]
    fn the_schema_of_a_released_version_is_never_edited() {
        use sha2::{Digest, Sha256};
        assert_eq!(crate::hex::encode(&Sha256::digest(VERSION_1)[..8]), "0ec29270086db089");
    }

    #[test]
    fn a_statement_is_planned_once_for_all_bound_values() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(folder.path()).unwrap();
        let query = "SELECT email FROM identity_link WHERE project = ?1 AND visitor = ?2 AND time <= ?3 ORDER BY time DESC LIMIT ?4";
        let mut statement = connection.prepare(query).unwrap();
        for number in 0..9 {
            assert!(statement.query_row([number; 4], |_| Ok(())).optional().unwrap().is_none());
        }
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn connections_commit_durably() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(folder.path()).unwrap();
        let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(read("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(read("synchronous"), rusqlite::types::Value::Integer(2));
        assert_eq!(read("foreign_keys"), rusqlite::types::Value::Integer(1));
    }
}
