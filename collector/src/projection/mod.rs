//! The columnar projection of orders, carts and returns, which answers metrics queries.
//!
//! It is disposable. Every record it holds is kept in the store too, under a number that grows with each change; the projection notes up to
//! which number it has come in the same transaction as the records themselves, so that a kill neither loses nor doubles one. Whoever deletes
//! its file gets it rebuilt.

use crate::metrics::catalog::Family;

mod lag;
mod product_resync;
mod store_source;
pub mod sync;

#[cfg(feature = "duckdb")]
mod engine;
#[cfg(feature = "duckdb")]
mod schema;
#[cfg(feature = "duckdb")]
mod writer;

#[cfg(not(feature = "duckdb"))]
#[path = "disabled.rs"]
mod engine;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::Error;
use crate::metrics::sql::{Row, Statement};

pub use engine::Projection;

/// The projection's file in the data folder.
pub const FILE: &str = "analytics.duckdb";

/// With this begin the names of all files of the projection.
pub(crate) const STEM: &str = "analytics.";

/// Stands in the data folder while the projection's file may hold traces of somebody who was erased.
const STALE: &str = "analytics.stale";

/// The most queries that run at the same time; the others wait for their turn.
const TURNS: usize = 8;

/// The projection of a running server, kept up with the store.
pub struct Analytics {
    open: Result<(Arc<Projection>, sync::Progress), Error>,
    turns: Semaphore,
    folder: PathBuf,
}

impl Analytics {
    /// Opens the projection in the data folder and begins to bring changes over. Where that fails queries are told so, and everything else
    /// works.
    pub fn start(folder: &Path, source: Box<dyn sync::Source>, head: watch::Receiver<i64>) -> Self {
        if let Err(error) = clean(folder) {
            tracing::error!(%error, "cannot remove a projection that holds traces of somebody who was erased");
        }
        let open = Projection::open(&folder.join(FILE), *head.borrow()).map(Arc::new);
        let open = open.and_then(|projection| Ok((Arc::clone(&projection), sync::start(projection, source, head)?)));
        match &open {
            Err(error @ Error::NoEngine) => tracing::info!("{error}"),
            Err(error) => tracing::error!(%error, "cannot open the projection"),
            Ok(_) => {}
        }
        Self { open, turns: Semaphore::new(TURNS), folder: folder.to_owned() }
    }

    /// Notes durably that somebody is about to be erased. What the store says goes from the projection's tables with its next change; the
    /// file itself keeps unused blocks, so it is made anew at the next start, and is removed when the server stops.
    pub fn renew_later(&self) -> std::io::Result<()> {
        File::create(self.folder.join(STALE))?.sync_all()
    }

    /// Prints how fresh the projection is, for an operator's Prometheus. A build without an engine has nothing to say.
    pub fn print(&self) -> String {
        match &self.open {
            Ok((_, progress)) => progress.print(),
            Err(Error::NoEngine) => String::new(),
            Err(_) => lag::print(None),
        }
    }

    /// Returns what keeps the projection from following the store, in a sentence; `None` where nothing does.
    pub fn ailment(&self) -> Option<String> {
        match &self.open {
            Ok((_, progress)) => progress.ailment(),
            Err(Error::NoEngine) => None,
            Err(_) => Some("the projection could not be opened: metrics queries are refused".into()),
        }
    }

    /// Runs statements on one state of the records. With `fresh`, everything that the store holds now is in it.
    pub async fn run(&self, statements: Vec<Statement>, fresh: bool) -> Result<Vec<Vec<Row>>, Error> {
        let (projection, progress) = match &self.open {
            Ok(open) => open,
            Err(Error::NoEngine) => return Err(Error::NoEngine),
            Err(error) => return Err(Error::Engine(error.to_string())),
        };
        if fresh && !progress.caught_up().await {
            return Err(Error::NotFresh);
        }
        let _turn = self.turns.acquire().await.map_err(|_| Error::Stopping)?;
        let projection = Arc::clone(projection);
        tokio::task::spawn_blocking(move || projection.run(&statements)).await.map_err(|_| Error::Stopping)?
    }
}

/// Removes marked files of the projection after the server has stopped, unless another process has locked the data folder.
pub fn clean_after_stop(folder: &Path) {
    let Ok(_lock) = crate::store::lock(folder) else { return };
    if let Err(error) = clean(folder) {
        tracing::error!(%error, "cannot remove a projection that may contain data of an erased person");
    }
}

/// Removes the projection's files where they may hold traces of somebody who was erased. Nobody may have them open.
pub fn clean(folder: &Path) -> std::io::Result<()> {
    let stale = folder.join(STALE);
    if !stale.exists() {
        return Ok(());
    }
    for file in [folder.join(FILE), folder.join(format!("{FILE}.wal")), stale] {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// How far the projection has come: numbers of changes in the store up to which nothing is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// Of the records themselves.
    pub records: i64,
    /// Of the goods that records name: what the catalogue says of them shows in the records.
    pub goods: i64,
}

impl Watermarks {
    /// Everything up to this change.
    pub fn at(change: i64) -> Self {
        Self { records: change, goods: change }
    }

    /// Returns the change up to which all that is asked about is as the store has it.
    pub fn reached(self) -> i64 {
        self.records.min(self.goods)
    }
}

/// A change of one record.
#[derive(Clone, Debug)]
pub struct Document {
    /// The project's number in the store.
    pub project: i64,
    /// What kind of record it is.
    pub family: Family,
    /// What it is known by among those of its project and family. This is not always its id.
    pub key: String,
    /// The number of this change; later changes have greater ones.
    pub change: i64,
    /// The whole record in the shape in which a search shows it; `None` when it is gone.
    pub json: Option<String>,
}
