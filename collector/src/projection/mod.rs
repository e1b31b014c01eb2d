//! The columnar projection of orders, carts and returns, which answers metrics queries.
//!
//! The projection is disposable: the store has every record too, under a change number that grows with each change. The projection saves its
//! watermark (the last change that it contains) in the same transaction as the records, so a crash neither loses nor duplicates a record.
//! If an operator deletes the projection's file, the next start rebuilds it.

mod document;
#[cfg(feature = "duckdb")]
pub mod duckdb;
mod engine;
mod lag;
mod product_resync;
pub mod source;
mod store_source;
pub mod sync;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::Error;
use crate::metrics::query::Query;
use crate::metrics::rows::{Rows, Scope};

pub use document::{Document, Watermarks};
pub use engine::AnalyticsEngine;

/// All file names of the projection begin with this prefix.
pub(crate) const FILE_PREFIX: &str = "analytics.";

/// Exists in the data folder while the projection's files may contain data of an erased person.
const REBUILD_MARKER: &str = "analytics.stale";

/// The maximum number of queries that run at the same time; further ones wait.
const MAX_QUERIES: usize = 8;

/// The projection of a running server, kept in sync with the store.
pub struct Analytics {
    open: Result<(Arc<dyn AnalyticsEngine>, sync::Progress), Error>,
    permits: Semaphore,
    folder: PathBuf,
}

impl Analytics {
    /// Opens the projection in the data folder and starts to apply changes. If that fails, queries get an error and everything else works.
    pub fn start(folder: &Path, source: Box<dyn source::ChangeSource>, head: watch::Receiver<i64>) -> Self {
        if let Err(error) = remove_if_marked(folder) {
            tracing::error!(%error, "cannot remove a projection that contains data of an erased person");
        }
        let open = open_engine(folder, *head.borrow());
        let open = open.and_then(|engine| Ok((Arc::clone(&engine), sync::start(engine, source, head)?)));
        match &open {
            Err(error @ Error::NoEngine) => tracing::info!("{error}"),
            Err(error) => tracing::error!(%error, "cannot open the projection"),
            Ok(_) => {}
        }
        Self { open, permits: Semaphore::new(MAX_QUERIES), folder: folder.to_owned() }
    }

    /// Records durably that a person is about to be erased. The next change deletes the person's rows; the file itself keeps unused blocks,
    /// so it is removed when the server stops, and rebuilt at the next start.
    pub fn mark_for_rebuild(&self) -> std::io::Result<()> {
        File::create(self.folder.join(REBUILD_MARKER))?.sync_all()
    }

    /// Returns the Prometheus lines about the projection; empty in a build without an engine.
    pub fn render(&self) -> String {
        match &self.open {
            Ok((_, progress)) => progress.render(),
            Err(Error::NoEngine) => String::new(),
            Err(_) => lag::render(None),
        }
    }

    /// Returns why the projection does not follow the store, as a sentence; `None` if it does.
    pub fn health_error(&self) -> Option<String> {
        match &self.open {
            Ok((_, progress)) => progress.health_error(),
            Err(Error::NoEngine) => None,
            Err(_) => Some("the projection could not be opened: metrics queries are refused".into()),
        }
    }

    /// Runs a query on one snapshot. With `fresh`, the snapshot contains everything that the store has now.
    pub async fn query(&self, query: Arc<Query>, scope: Scope, fresh: bool) -> Result<Vec<Rows>, Error> {
        let (engine, progress) = match &self.open {
            Ok(open) => open,
            Err(Error::NoEngine) => return Err(Error::NoEngine),
            Err(error) => return Err(Error::Engine(error.to_string())),
        };
        if fresh && !progress.caught_up().await {
            return Err(Error::NotFresh);
        }
        let _permit = self.permits.acquire().await.map_err(|_| Error::Stopping)?;
        let engine = Arc::clone(engine);
        tokio::task::spawn_blocking(move || engine.query(&query, &scope)).await.map_err(|_| Error::Stopping)?
    }
}

/// Opens the engine of this build.
#[cfg(feature = "duckdb")]
fn open_engine(folder: &Path, head: i64) -> Result<Arc<dyn AnalyticsEngine>, Error> {
    Ok(Arc::new(duckdb::DuckDbEngine::open(folder, head)?))
}

/// Fails: this build has no engine.
#[cfg(not(feature = "duckdb"))]
fn open_engine(_: &Path, _: i64) -> Result<Arc<dyn AnalyticsEngine>, Error> {
    Err(Error::NoEngine)
}

/// Removes marked files of the projection after the server has stopped, unless another process has locked the data folder.
pub fn remove_after_stop(folder: &Path) {
    let Ok(_lock) = crate::store::lock(folder) else { return };
    if let Err(error) = remove_if_marked(folder) {
        tracing::error!(%error, "cannot remove a projection that may contain data of an erased person");
    }
}

/// Removes the projection's files if they may contain data of an erased person. No process may have them open.
pub fn remove_if_marked(folder: &Path) -> std::io::Result<()> {
    let marker = folder.join(REBUILD_MARKER);
    if !marker.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_ours = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(FILE_PREFIX));
        if is_ours && path != marker {
            std::fs::remove_file(path)?;
        }
    }
    // The marker goes last: after a crash the next start continues.
    std::fs::remove_file(marker)
}
