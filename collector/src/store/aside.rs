//! The store as somebody beside its server sees it: what is committed, read by a connection of their own.
//!
//! Reading never keeps a server from writing, and needs no lock on the folder. Nothing is ever written here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::shop::{self, List, Place};
use super::{Cursor, FILE, Range, Stored, log, schema};
use crate::Error;
use crate::cli::Fault;

/// How long to wait for a server that is just closing or recovering the store.
const PATIENCE: Duration = Duration::from_secs(10);

/// A store that others may have open too.
pub struct Aside {
    connection: Connection,
    path: PathBuf,
}

impl Aside {
    /// Opens the store in a data folder.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Err(Fault::NoStore(folder.to_owned()).into());
        }
        let fault = |source| Error::OpenStore { path: path.clone(), source };
        let connection = schema::connect(&path, PATIENCE).map_err(fault)?;
        schema::is_current(&connection, &path)?;
        // What is read once need not be kept.
        connection.pragma_update(None, "cache_size", -8192).map_err(fault)?;
        Ok(Self { connection, path })
    }

    /// Returns each project's number and token.
    pub fn projects(&self) -> Result<Vec<(i64, String)>, Error> {
        let mut statement = self.connection.prepare("SELECT id, token FROM project ORDER BY id").map_err(Error::CannotRead)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(Error::CannotRead)?;
        rows.collect::<rusqlite::Result<_>>().map_err(Error::CannotRead)
    }

    /// Returns the place of the newest event.
    pub fn head(&self) -> Result<Cursor, Error> {
        log::head(&self.connection).map_err(Error::CannotRead)
    }

    /// Reads events, oldest first.
    pub fn events(&self, range: Range) -> Result<Vec<Stored>, Error> {
        log::read(&self.connection, range).map_err(Error::CannotRead)
    }

    /// Returns a part of a list as lines of JSON, how many they are, and the place after them unless the list has ended.
    pub fn list(&self, project: i64, list: List, after: &Place, limit: usize) -> Result<(String, usize, Option<Place>), Error> {
        shop::page(&self.connection, project, list, after, limit).map_err(Error::CannotRead)
    }

    /// Returns about how many things a list holds.
    pub fn count(&self, project: i64, list: List) -> Result<u64, Error> {
        shop::count(&self.connection, project, list).map_err(Error::CannotRead)
    }

    /// Returns how large a copy will be at most, in bytes.
    pub fn bytes(&self) -> Result<u64, Error> {
        let query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        self.connection.query_row(query, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned).map_err(Error::CannotRead)
    }

    /// Copies the store as it is at one moment into a new file. What was deleted is not in it.
    pub fn copy_to(&self, path: &Path) -> Result<(), Error> {
        let fault = |source| Error::OpenStore { path: self.path.clone(), source };
        let name = path.to_str().ok_or_else(|| Fault::Path(path.to_owned()))?;
        self.connection.execute("VACUUM INTO ?1", [name]).map(|_| ()).map_err(fault)
    }
}

/// Checks that a file is a whole store that this version can open. Nobody may be writing to it.
pub fn check(path: &Path) -> Result<(), Error> {
    let fault = |source| Error::OpenStore { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fault)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if verdict != "ok" {
        return Err(Fault::NotBackup { path: path.to_owned(), reason: format!("the store in it is damaged: {verdict}") }.into());
    }
    match schema::is_current(&connection, path) {
        Err(Error::Command(Fault::OlderStore { .. })) => Ok(()),
        other => other,
    }
}
