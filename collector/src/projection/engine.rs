//! DuckDB, and the projection in it.
//!
//! One connection writes, and each query has a connection of its own while it runs: it sees what was committed when it began. An engine that
//! failed can be closed and opened again while the server runs; queries wait for that moment.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use duckdb::types::{TimeUnit, Value as Sql};
use duckdb::{Config, Connection, params, params_from_iter};

use crate::Error;
use crate::metrics::sql::{Bound, Cell, Row, Statement};
use crate::projection::writer::Writer;
use crate::projection::{Document, Watermarks, schema};

/// The projection in its file.
pub struct Projection {
    path: PathBuf,
    open: RwLock<Option<Open>>,
}

/// The open file. No other may be open on it.
struct Open {
    source: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    writer: Mutex<Writer>,
}

impl Projection {
    /// Opens the projection in this file. One that cannot be read, was made by another version, or has come further than `head`, the
    /// latest change in the store, is begun anew.
    pub fn open(path: &Path, head: i64) -> Result<Self, Error> {
        Ok(Self { path: path.to_owned(), open: RwLock::new(Some(Open::new(path, head)?)) })
    }

    /// Closes the file once no query runs, and opens it again; with `anew` it is empty then. Returns how far it has come.
    pub fn reopen(&self, anew: bool, head: i64) -> Result<Watermarks, Error> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = None;
        if anew {
            remove(&self.path)?;
        }
        let opened = open.insert(Open::new(&self.path, head)?);
        opened.marks().map_err(fault)
    }

    /// Returns how far it has come.
    pub fn marks(&self) -> Result<Watermarks, Error> {
        self.with(Open::marks)
    }

    /// Takes changes over, all or none. It has come as far as `marks` then.
    pub fn apply(&self, documents: &[Document], marks: Watermarks) -> Result<(), Error> {
        self.with(|open| lock(&open.writer).apply(documents, marks))
    }

    /// Returns the orders and carts behind `after` in which one of these goods of a project is a line item, at most `limit` of them, each
    /// by its project and key and in the order of both.
    pub fn naming(&self, goods: &[(i64, String)], after: &(i64, String), limit: usize) -> Result<Vec<(i64, String)>, Error> {
        self.with(|open| lock(&open.writer).naming(goods, after, limit))
    }

    /// Runs the statements on one state of the records, and returns the rows of each.
    pub fn run(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Error> {
        self.with(|open| open.run(statements))
    }

    fn with<T>(&self, work: impl FnOnce(&Open) -> duckdb::Result<T>) -> Result<T, Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(|| Error::Engine("it could not be opened again".into()))?;
        work(open).map_err(fault)
    }
}

impl Open {
    fn new(path: &Path, head: i64) -> Result<Self, Error> {
        if let Ok(open) = Self::open_kept(path, head) {
            return Ok(open);
        }
        if path.exists() {
            tracing::warn!(path = %path.display(), "the projection does not fit the store, and is built anew");
        }
        remove(path)?;
        Self::make(path, head).map_err(fault)
    }

    fn open_kept(path: &Path, head: i64) -> duckdb::Result<Self> {
        if !path.exists() {
            return Err(duckdb::Error::QueryReturnedNoRows);
        }
        let connection = connect(path)?;
        let sql = "SELECT fingerprint, greatest(watermark, goods) FROM projection";
        let (found, furthest): (String, i64) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if found == schema::fingerprint() && furthest <= head { Self::with(connection) } else { Err(duckdb::Error::QueryReturnedNoRows) }
    }

    /// Records that are brought from now on show what the catalogue says now, so nothing that it said up to `head` is missing.
    fn make(path: &Path, head: i64) -> duckdb::Result<Self> {
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

    fn marks(&self) -> duckdb::Result<Watermarks> {
        let marks = |row: &duckdb::Row<'_>| Ok(Watermarks { records: row.get(0)?, goods: row.get(1)? });
        lock(&self.source).query_row("SELECT watermark, goods FROM projection", [], marks)
    }

    fn run(&self, statements: &[Statement]) -> duckdb::Result<Vec<Vec<Row>>> {
        let idle = lock(&self.idle).pop();
        let connection = idle.map_or_else(|| lock(&self.source).try_clone(), Ok)?;
        let tables = run_all(&connection, statements)?;
        // A connection on which something failed is not used again.
        lock(&self.idle).push(connection);
        Ok(tables)
    }
}

fn run_all(connection: &Connection, statements: &[Statement]) -> duckdb::Result<Vec<Vec<Row>>> {
    let transaction = connection.unchecked_transaction()?;
    let tables = statements.iter().map(|statement| run_one(&transaction, statement)).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(tables)
}

fn run_one(connection: &Connection, statement: &Statement) -> duckdb::Result<Vec<Row>> {
    let mut prepared = connection.prepare(&statement.text)?;
    let values = statement.values.iter().map(|value| match value {
        Bound::Text(text) => Sql::Text(text.clone()),
        Bound::Whole(number) => Sql::BigInt(*number),
        Bound::Number(number) => Sql::Double(*number),
        Bound::Moment(millis) => Sql::Timestamp(TimeUnit::Microsecond, millis.saturating_mul(1000)),
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
        Sql::Int(number) => Cell::Whole(number.into()),
        Sql::BigInt(number) => Cell::Whole(number.into()),
        Sql::HugeInt(number) => Cell::Whole(number),
        Sql::List(values) => Cell::Numbers(
            values.into_iter().filter_map(|value| if let Sql::Double(number) = value { Some(number) } else { None }).collect(),
        ),
        _ => Cell::Missing,
    }
}

/// Nothing but its own file is opened, and nothing is fetched.
fn connect(path: &Path) -> duckdb::Result<Connection> {
    let config = Config::default().enable_autoload_extension(false)?.enable_external_access(false)?;
    Connection::open_with_flags(path, config)
}

fn remove(path: &Path) -> Result<(), Error> {
    for file in [path.to_owned(), beside(path)] {
        match std::fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(Error::DataFolder { path: file, source }),
            _ => {}
        }
    }
    Ok(())
}

/// The engine's own log of what is not in its file yet.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".wal");
    name.into()
}

fn fault(error: duckdb::Error) -> Error {
    Error::Engine(error.to_string())
}

/// What a failed thread left is whole: everything behind these locks changes in transactions.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
