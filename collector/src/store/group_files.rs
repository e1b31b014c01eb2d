//! Files of the data folder that are the same on all nodes: projects and signing keys. They are sealed where they travel or are stored.

use rusqlite::{Connection, OptionalExtension, Row, params};

/// A change of a file. It applies only if the file is still the one that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The name of the file in the data folder.
    pub name: String,
    /// The number of the version that it replaces; 0 if there is none.
    pub replaces: u64,
    /// The sealed content.
    pub sealed: Vec<u8>,
}

/// A file as the group has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFile {
    /// The name of the file in the data folder.
    pub name: String,
    /// The number of the version: that of the entry that changed the file.
    pub version: u64,
    /// The sealed content.
    pub sealed: Vec<u8>,
}

/// Applies a change, which the entry with this number holds.
pub(in crate::store) fn change(connection: &Connection, number: u64, change: &FileChange) -> rusqlite::Result<()> {
    let query = "SELECT version FROM group_file WHERE name = ?1";
    let version: Option<i64> = connection.prepare_cached(query)?.query_row([&change.name], |row| row.get(0)).optional()?;
    if version.unwrap_or_default() == change.replaces.cast_signed() {
        let insert = "INSERT OR REPLACE INTO group_file (name, version, sealed) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(insert)?.execute(params![change.name, number.cast_signed(), change.sealed])?;
    }
    Ok(())
}

/// Returns all files.
pub(in crate::store) fn all(connection: &Connection) -> rusqlite::Result<Vec<SealedFile>> {
    let file = |row: &Row<'_>| Ok(SealedFile { name: row.get(0)?, version: row.get::<_, i64>(1)?.cast_unsigned(), sealed: row.get(2)? });
    connection.prepare_cached("SELECT name, version, sealed FROM group_file ORDER BY name")?.query_map([], file)?.collect()
}
