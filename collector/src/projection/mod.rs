//! The columnar projection of orders, carts, returns, events, visits and customers, which answers metrics queries.
//!
//! The projection is disposable: the store has every record too, under a change number that grows with each change. The projection saves its
//! watermark (the last change that it contains) in the same transaction as the records, so a crash neither loses nor duplicates a record.
//! If an operator deletes the projection's file, the next start rebuilds it, without the visits whose events have expired.

pub mod clickhouse;
mod document;
#[cfg(feature = "duckdb")]
pub mod duckdb;
mod engine;
mod error;
mod lag;
mod pace;
mod product_resync;
mod progress;
mod rows;
pub mod source;
pub mod sql;
mod store_source;
pub mod sync;
mod turn;

use std::fs::File;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::cancellation::Cancellation;
use crate::metrics::query::Query;
use crate::metrics::rows::{Rows, Scope};
use crate::priority::run_lowered;
use crate::store::Store;
use crate::telemetry::{self, gauge};

pub use clickhouse::{ClickHouseAddress, ClickHouseEngine};
pub use document::{Document, JsonText, ProductKey, RecordKey};
pub use engine::{AnalyticsEngine, EngineLimits};
pub use error::ProjectionError;
pub use pace::Pace;
pub use turn::Turn;

/// All file names of the projection begin with this prefix.
pub(crate) const FILE_PREFIX: &str = "analytics.";

/// Exists in the data folder while the projection's files may contain data of an erased person.
const REBUILD_MARKER: &str = "analytics.stale";

/// The maximum number of queries that run at the same time; further ones wait. The embedded engine runs one for each processor, because all share
/// its memory limit: with eight on two processors, the report of 2.9 million visits ran out of memory and took four times as long.
const MAX_QUERIES: usize = 8;
/// The least number, so that one long query does not stop all others.
const MIN_QUERIES: usize = 2;

/// The engine that an operator has chosen.
#[derive(Clone, Debug)]
pub enum EngineConfig {
    /// The embedded one, in a file of the data folder.
    Embedded(EngineLimits),
    /// A ClickHouse database.
    ClickHouse {
        /// The database.
        address: ClickHouseAddress,
        /// The password of the user; empty for none.
        password: String,
        /// The cluster on which tables are replicated.
        cluster: Option<String>,
    },
}

/// The projection of a running server, kept in sync with the store.
pub struct Analytics {
    open: Result<(Arc<dyn AnalyticsEngine>, progress::Progress), ProjectionError>,
    max_queries: usize,
    permits: Arc<Semaphore>,
    folder: PathBuf,
}

impl Analytics {
    /// Opens the projection, in the data folder unless it is in another database, and starts to apply changes. A database that several
    /// collectors share is filled while it is this collector's `turn`. Queries are expected to have this window of the last touch, in days. If the
    /// projection cannot be opened, queries get an error and everything else works.
    pub fn start(folder: &Path, engine: EngineConfig, store: &Store, turn: Turn, pace: Pace, attribution_days: u32) -> Self {
        if let Err(error) = renew_if_marked(folder) {
            tracing::error!(%error, "cannot replace a projection that contains data of an erased person");
        }
        let head = store.position();
        let position = *head.borrow();
        let is_embedded = matches!(engine, EngineConfig::Embedded(_));
        let turn = if is_embedded { Turn::always() } else { turn };
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let max_queries = if is_embedded { processors.clamp(MIN_QUERIES, MAX_QUERIES) } else { MAX_QUERIES };
        // The engine starts threads, which inherit the priority.
        let open = run_lowered(|| open_engine(folder, position, engine));
        let feed = Box::new(store.change_feed());
        let open = open.and_then(|engine| Ok((Arc::clone(&engine), sync::start(engine, feed, head, turn, pace, attribution_days)?)));
        match &open {
            Err(error @ ProjectionError::NoEngine) => tracing::info!("{error}"),
            Err(error) => tracing::error!(%error, "cannot open the projection"),
            Ok(_) => {}
        }
        Self { open, max_queries, permits: Arc::new(Semaphore::new(max_queries)), folder: folder.to_owned() }
    }

    /// Records durably that a person is about to be erased. The next change deletes the person's rows; the file itself keeps unused blocks,
    /// so it is replaced when the server stops, and filled at the next start.
    pub fn mark_for_rebuild(&self) -> std::io::Result<()> {
        File::create(self.folder.join(REBUILD_MARKER))?.sync_all()
    }

    /// Returns the Prometheus lines about the projection and its queries; empty in a build without an engine.
    pub fn render(&self) -> String {
        match &self.open {
            Ok((_, progress)) => {
                let running = self.max_queries.saturating_sub(self.permits.available_permits());
                let queries = gauge("tillroll_metrics_queries", "Metrics queries that run.", running as f64);
                progress.render() + &telemetry::render(&queries)
            }
            Err(ProjectionError::NoEngine) => String::new(),
            Err(_) => lag::render(None),
        }
    }

    /// Returns why the projection does not follow the store, as a sentence; `None` if it does.
    pub fn health_error(&self) -> Option<String> {
        match &self.open {
            Ok((_, progress)) => progress.health_error(),
            Err(ProjectionError::NoEngine) => None,
            Err(_) => Some("the projection could not be opened: metrics queries are refused".into()),
        }
    }

    /// Waits, for a limited time, while the projection is far behind. An import that does not wait for it leaves old figures for minutes.
    pub async fn nearly_caught_up(&self) {
        if let Ok((_, progress)) = &self.open {
            progress.nearly_caught_up().await;
        }
    }

    /// Runs a query on one snapshot. With `fresh`, the snapshot contains everything that the store has now. If the returned future is dropped,
    /// because the client disconnected or the response timed out, the engine stops the query.
    pub async fn query(&self, query: Arc<Query>, scope: Scope, fresh: bool) -> Result<Vec<Rows>, ProjectionError> {
        let (engine, progress) = match &self.open {
            Ok(open) => open,
            Err(ProjectionError::NoEngine) => return Err(ProjectionError::NoEngine),
            Err(error) => return Err(ProjectionError::Engine(error.to_string())),
        };
        let least = if fresh { progress.caught_up().await.ok_or(ProjectionError::NotFresh)? } else { source::Position::default() };
        // The thread holds the permit: it may still work for a moment when the caller no longer waits.
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ProjectionError::Stopping)?;
        let engine = Arc::clone(engine);
        let cancellation = Cancellation::default();
        let _waiter = cancellation.waiter();
        let run = move || {
            let rows = engine.query(&query, &scope, least, &cancellation);
            drop(permit);
            rows
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| ProjectionError::Stopping)?
    }
}

/// Opens the engine.
fn open_engine(folder: &Path, head: source::Position, engine: EngineConfig) -> Result<Arc<dyn AnalyticsEngine>, ProjectionError> {
    match engine {
        EngineConfig::Embedded(limits) => open_embedded(folder, head, limits),
        EngineConfig::ClickHouse { address, password, cluster } => {
            tracing::info!(%address, "the analytics database is ClickHouse");
            Ok(Arc::new(ClickHouseEngine::new(address, password, cluster)))
        }
    }
}

#[cfg(feature = "duckdb")]
fn open_embedded(folder: &Path, head: source::Position, limits: EngineLimits) -> Result<Arc<dyn AnalyticsEngine>, ProjectionError> {
    Ok(Arc::new(duckdb::DuckDbEngine::with_limits(folder, head, limits)?))
}

/// Fails: this build has no embedded engine.
#[cfg(not(feature = "duckdb"))]
fn open_embedded(_: &Path, _: source::Position, _: EngineLimits) -> Result<Arc<dyn AnalyticsEngine>, ProjectionError> {
    Err(ProjectionError::NoEngine)
}

/// Replaces marked files of the projection after the server has stopped, unless another process has locked the data folder.
pub fn renew_after_stop(folder: &Path) {
    let Ok(_lock) = crate::store::lock(folder) else { return };
    if let Err(error) = renew_if_marked(folder) {
        tracing::error!(%error, "cannot replace a projection that may contain data of an erased person");
    }
}

/// Replaces the projection's files if they may contain data of an erased person; the new ones keep the figures of expired visits. No process
/// may have them open.
pub fn renew_if_marked(folder: &Path) -> std::io::Result<()> {
    let marker = folder.join(REBUILD_MARKER);
    if !marker.exists() {
        return Ok(());
    }
    let renewed = renew_embedded(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_ours = name.is_some_and(|name| name.starts_with(FILE_PREFIX)) && Some(&path) != renewed.as_ref();
        if is_ours && path.is_dir() {
            // The engine's temporary files.
            std::fs::remove_dir_all(path)?;
        } else if is_ours && path != marker {
            std::fs::remove_file(path)?;
        }
    }
    // The marker goes last: after a crash the next start continues.
    std::fs::remove_file(marker)
}

/// Replaces the file of the embedded engine, and returns the new one.
#[cfg(feature = "duckdb")]
fn renew_embedded(folder: &Path) -> std::io::Result<Option<PathBuf>> {
    duckdb::DuckDbEngine::renew(folder)
}

/// Does nothing: this build has no embedded engine, so the files are removed.
#[cfg(not(feature = "duckdb"))]
fn renew_embedded(_: &Path) -> std::io::Result<Option<PathBuf>> {
    Ok(None)
}
