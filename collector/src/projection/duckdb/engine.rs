//! The projection in a DuckDB file.
//!
//! One connection writes. Each query has a connection of its own while it runs and reads the snapshot that was committed when it began. An
//! engine that failed can be closed and opened again while the server runs; queries wait for that moment.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use duckdb::types::{TimeUnit, Value as Sql};
use duckdb::{Config, Connection, params, params_from_iter};

use crate::Error;
use crate::metrics::query::Query;
use crate::metrics::rows::{Cell, Row, Rows, Scope};
use crate::projection::document::{Document, Watermarks};
use crate::projection::duckdb::sql::{self, Bound, Statement};
use crate::projection::duckdb::{schema, writer::Writer};
use crate::projection::engine::AnalyticsEngine;

/// The file in the data folder.
pub const FILE: &str = "analytics.duckdb";

/// The DuckDB engine. Other processes cannot open the file meanwhile.
pub struct DuckDbEngine {
    path: PathBuf,
    open: RwLock<Option<OpenFile>>,
}

struct OpenFile {
    source: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    writer: Mutex<Writer>,
}

impl AnalyticsEngine for DuckDbEngine {
    fn open(folder: &Path, head: i64) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let open = RwLock::new(Some(OpenFile::new(&path, head)?));
        Ok(Self { path, open })
    }

    fn reopen(&self, rebuild: bool, head: i64) -> Result<Watermarks, Error> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = None;
        if rebuild {
            remove(&self.path)?;
        }
        let opened = open.insert(OpenFile::new(&self.path, head)?);
        opened.watermarks().map_err(engine_error)
    }

    fn watermarks(&self) -> Result<Watermarks, Error> {
        self.with(OpenFile::watermarks)
    }

    fn apply(&self, documents: &[Document], watermarks: Watermarks) -> Result<(), Error> {
        self.with(|open| lock(&open.writer).apply(documents, watermarks))
    }

    fn orders_with_products(&self, products: &[(i64, String)], after: &(i64, String), limit: usize) -> Result<Vec<(i64, String)>, Error> {
        self.with(|open| lock(&open.writer).orders_with_products(products, after, limit))
    }

    fn query(&self, query: &Query, scope: &Scope) -> Result<Vec<Rows>, Error> {
        self.run(&sql::statements(query, scope))
    }
}

impl DuckDbEngine {
    /// Runs statements on one snapshot and returns the rows of each.
    pub fn run(&self, statements: &[Statement]) -> Result<Vec<Rows>, Error> {
        self.with(|open| open.run(statements))
    }

    fn with<T>(&self, work: impl FnOnce(&OpenFile) -> duckdb::Result<T>) -> Result<T, Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(|| Error::Engine("the file could not be opened again".into()))?;
        work(open).map_err(engine_error)
    }
}

impl OpenFile {
    fn new(path: &Path, head: i64) -> Result<Self, Error> {
        if let Ok(open) = Self::open_existing(path, head) {
            return Ok(open);
        }
        if path.exists() {
            tracing::warn!(path = %path.display(), "the projection does not match the store and is rebuilt");
        }
        remove(path)?;
        Self::create(path, head).map_err(engine_error)
    }

    fn open_existing(path: &Path, head: i64) -> duckdb::Result<Self> {
        if !path.exists() {
            return Err(duckdb::Error::QueryReturnedNoRows);
        }
        let connection = connect(path)?;
        let sql = "SELECT fingerprint, greatest(watermark, products) FROM projection";
        let (found, furthest): (String, i64) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if found == schema::fingerprint() && furthest <= head { Self::with(connection) } else { Err(duckdb::Error::QueryReturnedNoRows) }
    }

    /// Records that are applied from now on show the catalog of now, so no product change up to `head` is missing.
    fn create(path: &Path, head: i64) -> duckdb::Result<Self> {
        let connection = connect(path)?;
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(&schema::sql())?;
        transaction.execute("INSERT INTO projection VALUES (?, 0, ?)", params![schema::fingerprint(), head])?;
        transaction.commit()?;
        Self::with(connection)
    }

    fn with(connection: Connection) -> duckdb::Result<Self> {
        let writer = Writer::new(connection.try_clone()?)?;
        Ok(Self { source: Mutex::new(connection), idle: Mutex::default(), writer: Mutex::new(writer) })
    }

    fn watermarks(&self) -> duckdb::Result<Watermarks> {
        let marks = |row: &duckdb::Row<'_>| Ok(Watermarks { records: row.get(0)?, products: row.get(1)? });
        lock(&self.source).query_row("SELECT watermark, products FROM projection", [], marks)
    }

    fn run(&self, statements: &[Statement]) -> duckdb::Result<Vec<Rows>> {
        let idle = lock(&self.idle).pop();
        let connection = idle.map_or_else(|| lock(&self.source).try_clone(), Ok)?;
        let tables = run_all(&connection, statements)?;
        // A connection with a failed statement is not used again.
        lock(&self.idle).push(connection);
        Ok(tables)
    }
}

fn run_all(connection: &Connection, statements: &[Statement]) -> duckdb::Result<Vec<Rows>> {
    let transaction = connection.unchecked_transaction()?;
    let tables = statements.iter().map(|statement| run_one(&transaction, statement)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(tables)
}

fn run_one(connection: &Connection, statement: &Statement) -> duckdb::Result<Vec<Row>> {
    let mut prepared = connection.prepare(&statement.text)?;
    let values = statement.values.iter().map(|value| match value {
        Bound::Text(text) => Sql::Text(text.clone()),
        Bound::Integer(number) => Sql::BigInt(*number),
        Bound::Number(number) => Sql::Double(*number),
        Bound::Timestamp(millis) => Sql::Timestamp(TimeUnit::Microsecond, millis.saturating_mul(1000)),
    });
    let mut rows = prepared.query(params_from_iter(values))?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let width = row.as_ref().column_count();
        out.push((0..width).map(|at| row.get::<_, Sql>(at).map(cell)).collect::<Result<_, _>>()?);
    }
    Ok(out)
}

fn cell(value: Sql) -> Cell {
    match value {
        Sql::Text(text) => Cell::Text(text),
        Sql::Int(number) => Cell::Integer(number.into()),
        Sql::BigInt(number) => Cell::Integer(number.into()),
        Sql::HugeInt(number) => Cell::Integer(number),
        Sql::List(values) => Cell::Numbers(
            values.into_iter().filter_map(|value| if let Sql::Double(number) = value { Some(number) } else { None }).collect(),
        ),
        _ => Cell::Null,
    }
}

/// Opens the file without access to other files and without downloads of extensions.
fn connect(path: &Path) -> duckdb::Result<Connection> {
    let config = Config::default().enable_autoload_extension(false)?.enable_external_access(false)?;
    Connection::open_with_flags(path, config)
}

fn remove(path: &Path) -> Result<(), Error> {
    for file in [path.to_owned(), wal_path(path)] {
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Engine(format!("cannot delete {}: {source}", file.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns the path of the engine's write-ahead log.
fn wal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".wal");
    name.into()
}

fn engine_error(error: duckdb::Error) -> Error {
    Error::Engine(error.to_string())
}

/// Ignores poisoning: all state behind these locks changes in transactions.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
