//! Read access for the command line, beside a running server.
//!
//! It sees what is committed. It needs no lock on the data folder, and never writes.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::resource::Resource;
use crate::store::error::StoreError;
use crate::store::log::cursor::Cursor;
use crate::store::log::event_reader::{self, ExportedEvent, Range};
use crate::store::schema::connect::connect;
use crate::store::schema::migrations;
use crate::store::state::export::{self, ListCursor, ListPage};

/// The time to wait for a server that closes or recovers the store.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A store that another process may have open.
pub struct ReadOnlyStore {
    connection: Connection,
}

impl ReadOnlyStore {
    /// Opens the store in a data folder.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(crate::store::data_folder::FILE);
        match path.metadata() {
            Ok(data) if data.is_file() => {}
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(StoreError::Folder { path: folder.to_owned(), source });
            }
            _ => return Err(StoreError::NotFound(folder.to_owned())),
        }
        let open_error = |source| StoreError::Open { path: path.clone(), source };
        let connection = match connect(&path, BUSY_TIMEOUT) {
            Err(error) if is_read_only(&error) => connect_read_only(&path),
            result => result,
        };
        let connection = connection.map_err(open_error)?;
        migrations::check_version(&connection, &path)?;
        // Most pages are read once, so a large cache is of no use.
        connection.pragma_update(None, "cache_size", -8192).map_err(open_error)?;
        Ok(Self { connection })
    }

    /// Returns each project's number and token.
    pub fn projects(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let mut statement = self.connection.prepare("SELECT id, token FROM project ORDER BY id").map_err(StoreError::Read)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(StoreError::Read)?;
        rows.collect::<rusqlite::Result<_>>().map_err(StoreError::Read)
    }

    /// Returns the position of the newest event.
    pub fn head(&self) -> Result<Cursor, StoreError> {
        event_reader::head(&self.connection).map_err(StoreError::Read)
    }

    /// Reads events, oldest first.
    pub fn events(&self, range: Range) -> Result<Vec<ExportedEvent>, StoreError> {
        event_reader::read(&self.connection, range).map_err(StoreError::Read)
    }

    /// Returns a page of a resource.
    pub fn list(&self, project: i64, resource: Resource, after: &ListCursor, limit: usize) -> Result<ListPage, StoreError> {
        export::page(&self.connection, project, resource, after, limit).map_err(StoreError::Read)
    }

    /// Returns about how many items a resource has.
    pub fn count(&self, project: i64, resource: Resource) -> Result<u64, StoreError> {
        export::count(&self.connection, project, resource).map_err(StoreError::Read)
    }

    /// Returns the size of the store in bytes. A copy is not larger.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        self.connection.query_row(query, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned).map_err(StoreError::Read)
    }

    /// Copies a snapshot of the store into a new file. The copy has no traces of deleted data.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let name = path.to_str().ok_or_else(|| StoreError::PathNotUtf8(path.to_owned()))?;
        let copied = self.connection.execute("VACUUM INTO ?1", [name]);
        copied.map(|_| ()).map_err(|source| StoreError::Copy { path: path.to_owned(), source })
    }
}

/// Returns whether SQLite needs to write beside the store and cannot: on a file system that is mounted read-only, or as another user.
fn is_read_only(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied))
}

/// Opens a store in a folder that cannot be written.
///
/// A reader of a write-ahead log creates its index, a file beside it, unless it exists. Without a log, no process has the store open, and SQLite
/// may read it as a file that does not change.
fn connect_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_unchanging = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
    let name: String = path.to_string_lossy().bytes().map(uri_encoded).collect();
    let uri = format!("file:{name}?mode=ro{}", if is_unchanging { "&immutable=1" } else { "" });
    let connection = Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// Encodes a byte of a path for a URI of SQLite.
fn uri_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }
}

/// Checks that a file is an undamaged store that a server of this build can open. No process may write to it meanwhile.
pub fn check_file(path: &Path) -> Result<(), StoreError> {
    let open_error = |source| StoreError::Open { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(open_error)?;
    let reason: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(open_error)?;
    if reason != "ok" {
        return Err(StoreError::Damaged { path: path.to_owned(), reason });
    }
    migrations::check_can_migrate(&connection, path)
}
