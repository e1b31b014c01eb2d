//! The projection in a DuckDB file.
//!
//! One connection writes. Each query has a connection of its own while it runs and reads the snapshot that was committed when it began. An
//! engine that failed can be closed and opened again while the server runs; queries wait for that moment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use duckdb::types::{TimeUnit, Value as Sql};
use duckdb::{Connection, params_from_iter};

use crate::cancellation::Cancellation;
use crate::metrics::catalog::Operator;
use crate::metrics::query::Query;
use crate::metrics::rows::{Cell, Row, Rows, Scope};
use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::duckdb::attribution;
use crate::projection::duckdb::dialect::DuckDb;
use crate::projection::duckdb::packed::unpack;
use crate::projection::duckdb::renewal::{remove, renew};
use crate::projection::duckdb::{schema, writer::Writer};
use crate::projection::engine::{AnalyticsEngine, EngineLimits};
use crate::projection::error::ProjectionError;
use crate::projection::source::{Origin, Position, TrackedChanges};
use crate::projection::sql::{self, Bound, Statement};

/// The file in the data folder.
pub const FILE: &str = "analytics.duckdb";
/// This part of the memory is left for what the engine does not count: rows on their way to it and from it, and its allocator's free pages.
const UNCOUNTED_SHARE: u32 = 8;

/// The DuckDB engine. Other processes cannot open the file meanwhile.
pub struct DuckDbEngine {
    path: PathBuf,
    limits: EngineLimits,
    open: RwLock<Option<OpenFile>>,
}

struct OpenFile {
    source: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    writer: Mutex<Writer>,
    /// The number of queries that run.
    running: Mutex<usize>,
}

impl AnalyticsEngine for DuckDbEngine {
    fn reopen(&self, rebuild: bool, origin: &Origin) -> Result<Position, ProjectionError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = None;
        if rebuild {
            renew(&self.path).map_err(|error| file_error(&self.path, &error))?;
        }
        let opened = open.insert(OpenFile::new(&self.path, origin.head, self.limits)?);
        opened.watermark().map_err(engine_error)
    }

    /// The file belongs to this collector: no other one writes it.
    fn follow(&self, _: &Origin) -> Result<Option<Position>, ProjectionError> {
        self.watermark().map(Some)
    }

    fn watermark(&self) -> Result<Position, ProjectionError> {
        self.with(OpenFile::watermark)
    }

    fn apply(&self, documents: &[Document], tracked: &TrackedChanges, watermark: Position) -> Result<(), ProjectionError> {
        self.with(|open| lock(&open.writer).apply(documents, tracked, watermark))
    }

    fn prepare(&self, attribution_days: u32) -> Result<(), ProjectionError> {
        self.with(|open| lock(&open.writer).add_attribution(attribution_days)).map(|_| ())
    }

    fn records_with_products(&self, products: &BTreeSet<ProductKey>) -> Result<Vec<RecordKey>, ProjectionError> {
        self.with(|open| lock(&open.writer).records_with_products(products))
    }

    fn query(&self, query: &Query, scope: &Scope, _: Position, cancellation: &Cancellation) -> Result<Vec<Rows>, ProjectionError> {
        let counts_numbers = query.kind.measures().iter().any(|measure| measure.operator == Operator::Cardinality);
        let statements = |transaction: &Connection| {
            let dialect = if counts_numbers { DuckDb::of(transaction)? } else { DuckDb::default() };
            Ok(sql::statements(query, scope, &dialect))
        };
        let attribution_days = sql::uses_attribution(query).then_some(query.attribution_days);
        self.with(|open| open.run(&statements, attribution_days, cancellation))
    }
}

impl DuckDbEngine {
    /// Opens the projection in the data folder, with the default limits.
    pub fn open(folder: &Path, head: Position) -> Result<Self, ProjectionError> {
        Self::with_limits(folder, head, EngineLimits::default())
    }

    /// Opens the projection in the data folder, with limits of memory and temporary files. It is empty if there is none, if the existing one
    /// cannot be read or has another version's schema, or if its watermark is beyond `head`, the newest position of the store.
    pub fn with_limits(folder: &Path, head: Position, limits: EngineLimits) -> Result<Self, ProjectionError> {
        let path = folder.join(FILE);
        let open = RwLock::new(Some(OpenFile::new(&path, head, limits)?));
        Ok(Self { path, limits, open })
    }

    /// Replaces the projection in the data folder, which no process may have open, with an empty one that keeps the figures of expired visits.
    /// Returns its file, if there was one.
    pub(in crate::projection) fn renew(folder: &Path) -> std::io::Result<Option<PathBuf>> {
        let path = folder.join(FILE);
        if path.exists() { renew(&path).map(|()| Some(path)) } else { Ok(None) }
    }

    /// Runs statements on one snapshot and returns the rows of each. Fails soon after a cancellation.
    pub fn run(&self, statements: &[Statement], cancellation: &Cancellation) -> Result<Vec<Rows>, ProjectionError> {
        self.with(|open| open.run(&|_| Ok(statements.to_vec()), None, cancellation))
    }

    fn with<T>(&self, work: impl FnOnce(&OpenFile) -> duckdb::Result<T>) -> Result<T, ProjectionError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(|| ProjectionError::Engine("the file could not be opened again".into()))?;
        work(open).map_err(engine_error)
    }
}

impl OpenFile {
    fn new(path: &Path, head: Position, limits: EngineLimits) -> Result<Self, ProjectionError> {
        if let Ok(open) = Self::open_existing(path, head, limits) {
            return Ok(open);
        }
        if path.exists() {
            tracing::warn!(path = %path.display(), "the projection does not match the store and is rebuilt");
            renew(path).map_err(|error| file_error(path, &error))?;
            if let Ok(open) = Self::open_existing(path, head, limits) {
                return Ok(open);
            }
        }
        remove(path).map_err(|error| file_error(path, &error))?;
        Self::create(path, limits).map_err(engine_error)
    }

    fn open_existing(path: &Path, head: Position, limits: EngineLimits) -> duckdb::Result<Self> {
        if !path.exists() {
            return Err(duckdb::Error::QueryReturnedNoRows);
        }
        let connection = connect(path, limits)?;
        let found: String = connection.query_row("SELECT fingerprint FROM projection", [], |row| row.get(0))?;
        if found == schema::fingerprint() && head.reaches(watermark(&connection)?) {
            Self::with(connection)
        } else {
            Err(duckdb::Error::QueryReturnedNoRows)
        }
    }

    fn create(path: &Path, limits: EngineLimits) -> duckdb::Result<Self> {
        let connection = connect(path, limits)?;
        let transaction = connection.unchecked_transaction()?;
        schema::create_all(&transaction)?;
        transaction.commit()?;
        Self::with(connection)
    }

    fn with(connection: Connection) -> duckdb::Result<Self> {
        let writer = Writer::new(schema::connect_again(&connection)?)?;
        Ok(Self { source: Mutex::new(connection), idle: Mutex::default(), writer: Mutex::new(writer), running: Mutex::default() })
    }

    fn watermark(&self) -> duckdb::Result<Position> {
        watermark(&lock(&self.source))
    }

    /// Runs statements. With `attribution_days`, their snapshot has the attribution of all orders, with this window of the last touch.
    fn run(&self, statements: &StatementsOf<'_>, attribution_days: Option<u32>, cancellation: &Cancellation) -> duckdb::Result<Vec<Rows>> {
        let idle = lock(&self.idle).pop();
        let connection = idle.map_or_else(|| schema::connect_again(&lock(&self.source)), Ok)?;
        let interrupt = connection.interrupt_handle();
        let _threads = QueryThreads::raise(self)?;
        let tables = loop {
            let (interrupt, run) = (Arc::clone(&interrupt), || run_all(&connection, statements, attribution_days, cancellation));
            match cancellation.interruptible(move || interrupt.interrupt(), run)? {
                Some(tables) => break tables,
                None => self.complete_attribution(attribution_days.unwrap_or_default(), cancellation)?,
            }
        };
        // A connection with a failed statement is not used again.
        lock(&self.idle).push(connection);
        Ok(tables)
    }

    fn complete_attribution(&self, days: u32, cancellation: &Cancellation) -> duckdb::Result<()> {
        let writer = lock(&self.writer);
        let interrupt = writer.interrupt_handle();
        cancellation.interruptible(
            move || interrupt.interrupt(),
            || {
                while !writer.add_attribution(days)? {}
                Ok(())
            },
        )
    }
}

/// Gives the engine a thread for each processor while queries run. Otherwise it has one: a thread that waits for another one's part of a
/// statement waits actively, and would take a processor from requests whenever changes are applied.
struct QueryThreads<'a>(&'a OpenFile);

impl<'a> QueryThreads<'a> {
    fn raise(open: &'a OpenFile) -> duckdb::Result<Self> {
        let mut running = lock(&open.running);
        if *running == 0 {
            let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            lock(&open.source).execute_batch(&format!("SET threads = {processors}"))?;
        }
        *running += 1;
        Ok(Self(open))
    }
}

impl Drop for QueryThreads<'_> {
    fn drop(&mut self) {
        let mut running = lock(&self.0.running);
        *running -= 1;
        if *running == 0
            && let Err(error) = lock(&self.0.source).execute_batch("SET threads = 1")
        {
            tracing::debug!(%error, "cannot lower the number of threads of the analytics engine");
        }
    }
}

fn watermark(connection: &Connection) -> duckdb::Result<Position> {
    let position = |row: &duckdb::Row<'_>| Ok(Position { change: row.get(0)?, event: row.get(1)?, trimmed: row.get(2)? });
    connection.query_row("SELECT watermark, event_watermark, trimmed_until FROM projection", [], position)
}

/// Returns the statements to run in a transaction.
type StatementsOf<'a> = dyn Fn(&Connection) -> duckdb::Result<Vec<Statement>> + 'a;

/// Returns the rows of each statement, or `None` if the snapshot lacks the attribution of orders.
fn run_all(
    connection: &Connection,
    statements: &StatementsOf<'_>,
    attribution_days: Option<u32>,
    cancellation: &Cancellation,
) -> duckdb::Result<Option<Vec<Rows>>> {
    let transaction = connection.unchecked_transaction()?;
    if let Some(days) = attribution_days
        && !attribution::is_complete(&transaction, days)?
    {
        return Ok(None);
    }
    let run = |statement| {
        // An interrupt between two statements has no effect.
        if cancellation.is_cancelled() {
            return Err(duckdb::Error::DuckDBFailure(duckdb::ffi::Error::new(duckdb::ffi::DuckDBError), Some("cancelled".into())));
        }
        run_one(&transaction, statement)
    };
    let tables = statements(&transaction)?.iter().map(run).collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(Some(tables))
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
        Sql::Blob(packed) => unpack(&packed).map_or(Cell::Null, Cell::Text),
        Sql::Int(number) => Cell::Integer(number.into()),
        Sql::BigInt(number) => Cell::Integer(number.into()),
        Sql::HugeInt(number) => Cell::Integer(number),
        Sql::Boolean(is_true) => Cell::Bool(is_true),
        Sql::List(values) if values.iter().any(|value| matches!(value, Sql::Text(_))) => {
            Cell::Texts(values.into_iter().filter_map(|value| if let Sql::Text(text) = value { Some(text) } else { None }).collect())
        }
        Sql::List(values) => Cell::Numbers(
            values.into_iter().filter_map(|value| if let Sql::Double(number) = value { Some(number) } else { None }).collect(),
        ),
        _ => Cell::Null,
    }
}

/// Opens the file without access to other files and without downloads of extensions. Temporary files are in a folder beside it.
fn connect(path: &Path, limits: EngineLimits) -> duckdb::Result<Connection> {
    let config = schema::file_config()?.threads(1)?;
    let config = config.max_memory(&format!("{}MiB", limits.memory_mb - limits.memory_mb / UNCOUNTED_SHARE))?;
    let config = config.with("max_temp_directory_size", format!("{}MiB", limits.temp_mb))?;
    // A page of a search has 51 rows by default, one more than the engine's own limits for reading wide columns of these rows only.
    let config = config.with("late_materialization_max_rows", "256")?.with("dynamic_or_filter_threshold", "256")?;
    let connection = schema::open(path, config)?;
    connection.execute_batch("SET enable_external_access = false")?;
    Ok(connection)
}

fn file_error(path: &Path, source: &std::io::Error) -> ProjectionError {
    ProjectionError::Engine(format!("cannot replace {}: {source}", path.display()))
}

fn engine_error(error: duckdb::Error) -> ProjectionError {
    let text = error.to_string();
    // The engine has no other sign of this error.
    if text.contains("Out of Memory Error") { ProjectionError::TooLarge(text) } else { ProjectionError::Engine(text) }
}

/// Ignores poisoning: all state behind these locks changes in transactions.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn statement(text: &str) -> [Statement; 1] {
        [Statement { text: text.into(), values: Vec::new() }]
    }

    #[tokio::test]
    async fn query_stops_when_nothing_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Arc::new(DuckDbEngine::open(folder.path(), Position::default()).unwrap());
        let cancellation = Cancellation::default();
        let waiter = cancellation.waiter();
        let (running, work) = (Arc::clone(&engine), cancellation.clone());
        // It would take hours.
        let query = move || running.run(&statement("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"), &work);
        let query = tokio::task::spawn_blocking(query);
        drop(waiter);
        let result = tokio::time::timeout(Duration::from_secs(30), query).await.expect("the query stops").unwrap();
        assert!(result.is_err());
        assert!(engine.run(&statement("SELECT 1"), &Cancellation::default()).is_ok());
    }

    #[test]
    fn query_that_needs_more_than_the_limits_fails_and_the_next_one_runs() {
        let folder = tempfile::tempdir().unwrap();
        let limits = EngineLimits { memory_mb: 64, temp_mb: 0 };
        let engine = DuckDbEngine::with_limits(folder.path(), Position::default(), limits).unwrap();
        let large = "SELECT list(x ORDER BY x DESC)[1] FROM (SELECT repeat('x', 100) || range AS x FROM range(3000000))";
        let error = engine.run(&statement(large), &Cancellation::default()).unwrap_err();
        assert!(matches!(error, ProjectionError::TooLarge(_)), "{error:?}");
        assert!(engine.run(&statement("SELECT 1"), &Cancellation::default()).is_ok());
    }

    #[test]
    fn every_connection_has_the_limits() {
        let folder = tempfile::tempdir().unwrap();
        let limits = EngineLimits { memory_mb: 256, ..EngineLimits::default() };
        let engine = DuckDbEngine::with_limits(folder.path(), Position::default(), limits).unwrap();
        let settings = ["memory_limit", "late_materialization_max_rows", "dynamic_or_filter_threshold", "enable_external_access"];
        let columns = settings.map(|name| format!("CAST(current_setting('{name}') AS VARCHAR)")).join(", ");
        let found = engine.run(&statement(&format!("SELECT {columns}")), &Cancellation::default()).unwrap();
        assert_eq!(found, [[["224.0 MiB", "256", "256", "false"].map(|text| Cell::Text(text.into())).to_vec()]]);
    }
}
