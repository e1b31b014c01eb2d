//! The projection in a ClickHouse database.
//!
//! The engine opens without the database. Until the database answers, queries and changes fail, and the sync task tries again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::cancellation::Cancellation;
use crate::clock;
use crate::metrics::query::Query;
use crate::metrics::rows::{Rows, Scope};
use crate::projection::clickhouse::address::ClickHouseAddress;
use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::dialect::ClickHouse;
use crate::projection::clickhouse::schema::{self, Placement};
use crate::projection::clickhouse::snapshot::Snapshot;
use crate::projection::clickhouse::writer::Writer;
use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::engine::AnalyticsEngine;
use crate::projection::error::ProjectionError;
use crate::projection::source::{Origin, Position, TrackedChanges};
use crate::projection::sql;

/// The ClickHouse engine.
pub struct ClickHouseEngine {
    client: Arc<Client>,
    placement: Placement,
    state: Mutex<State>,
    /// What queries expect in the database.
    fingerprint: RwLock<String>,
}

#[derive(Default)]
struct State {
    writer: Option<Writer>,
    /// The position up to which changes were applied; `None` until the database was opened.
    position: Option<Position>,
}

impl ClickHouseEngine {
    /// Returns an engine that is not open yet.
    pub fn new(address: ClickHouseAddress, password: String, cluster: Option<String>) -> Self {
        let client = Arc::new(Client::new(address, password, cluster.is_some()));
        Self { client, placement: Placement { cluster }, state: Mutex::default(), fingerprint: RwLock::new(schema::fingerprint("")) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // All state in the database changes with one row.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fingerprint of a database that was filled from a store. Queries expect it from now on.
    fn expect(&self, origin: &Origin) -> String {
        let fingerprint = schema::fingerprint(&origin.group);
        self.fingerprint.write().unwrap_or_else(PoisonError::into_inner).clone_from(&fingerprint);
        fingerprint
    }

    fn expected(&self) -> String {
        self.fingerprint.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what the database contains if it was filled from this log with this version.
    fn find(&self, fingerprint: &str) -> Result<Option<Snapshot>, ProjectionError> {
        Ok(Snapshot::read(&self.client)?.filter(|snapshot| snapshot.fingerprint == fingerprint))
    }

    /// Creates the tables where they are missing, or again if they do not match this version or this store.
    fn prepare(&self, rebuild: bool, origin: &Origin, fingerprint: &str) -> Result<(), ProjectionError> {
        schema::check_version(&self.client)?;
        if schema::exists(&self.client)? {
            let found = Snapshot::read(&self.client)?;
            let is_current = found.as_ref().is_none_or(|snapshot| snapshot.fingerprint == fingerprint);
            let position = found.unwrap_or_default().position;
            let is_ahead = !origin.head.reaches(position);
            if is_current && is_ahead && !origin.group.is_empty() {
                return Err(ProjectionError::Ahead(position));
            }
            if is_current && !is_ahead && !rebuild {
                return schema::create(&self.client, &self.placement);
            }
            tracing::warn!("the analytics database does not match the store and is rebuilt");
            schema::drop(&self.client, &self.placement)?;
        } else if schema::has_remains(&self.client)? {
            schema::drop(&self.client, &self.placement)?;
        }
        schema::create(&self.client, &self.placement)
    }
}

impl AnalyticsEngine for ClickHouseEngine {
    fn reopen(&self, rebuild: bool, origin: &Origin) -> Result<Position, ProjectionError> {
        let mut state = self.state();
        *state = State::default();
        let fingerprint = self.expect(origin);
        self.prepare(rebuild, origin, &fingerprint)?;
        let writer = Writer::claim(&self.client, &fingerprint)?;
        let position = writer.position();
        *state = State { writer: Some(writer), position: Some(position) };
        Ok(position)
    }

    fn follow(&self, origin: &Origin) -> Result<Option<Position>, ProjectionError> {
        *self.state() = State::default();
        self.stored(origin)
    }

    fn stored(&self, origin: &Origin) -> Result<Option<Position>, ProjectionError> {
        let fingerprint = self.expect(origin);
        if !schema::exists(&self.client)? {
            return Ok(None);
        }
        Ok(self.find(&fingerprint)?.map(|snapshot| snapshot.position))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn watermark(&self) -> Result<Position, ProjectionError> {
        self.state().position.ok_or_else(|| ProjectionError::Unavailable("it has not been opened yet".into()))
    }

    fn apply(&self, documents: &[Document], tracked: &TrackedChanges, watermark: Position) -> Result<(), ProjectionError> {
        let mut state = self.state();
        let expected = state.position.ok_or(ProjectionError::Moved)?;
        let mut writer = match state.writer.take() {
            Some(writer) => writer,
            None => Writer::claim(&self.client, &self.expected())?,
        };
        // The outcome of an earlier commit may have been unknown, or another collector may have written.
        if writer.position() != expected {
            return Err(ProjectionError::Moved);
        }
        // After an error there is no writer: the next one does not see what this batch has left.
        writer.apply(&self.client, documents, tracked, watermark)?;
        *state = State { position: Some(writer.position()), writer: Some(writer) };
        Ok(())
    }

    fn records_with_products(&self, products: &BTreeSet<ProductKey>) -> Result<Vec<RecordKey>, ProjectionError> {
        self.state().writer.as_ref().ok_or(ProjectionError::Moved)?.records_with_products(&self.client, products)
    }

    fn query(&self, query: &Query, scope: &Scope, fresh: Position, cancellation: &Cancellation) -> Result<Vec<Rows>, ProjectionError> {
        let snapshot = self.find(&self.expected())?.ok_or_else(|| ProjectionError::Unavailable("it has not been filled yet".into()))?;
        // The database was complete a moment ago, and was lost since.
        if !snapshot.position.reaches(fresh) {
            return Err(ProjectionError::NotFresh);
        }
        let statements = sql::statements(query, scope, &ClickHouse(&snapshot));
        let id = clock::random_hex::<16>().map_err(|error| ProjectionError::Engine(error.to_string()))?;
        let run = |statement: &sql::Statement| {
            if cancellation.is_cancelled() {
                return Err(ProjectionError::Engine("cancelled".into()));
            }
            let (client, killed_id, is_busy) = (Arc::clone(&self.client), id.clone(), Arc::new(AtomicBool::new(false)));
            let kill = move || {
                // Cancellations repeat until the statement ends, and must not wait for the database.
                if !is_busy.swap(true, Ordering::Relaxed) {
                    let (client, id, is_busy) = (Arc::clone(&client), killed_id.clone(), Arc::clone(&is_busy));
                    std::thread::spawn(move || {
                        client.kill(&id);
                        is_busy.store(false, Ordering::Relaxed);
                    });
                }
            };
            cancellation.interruptible(kill, || self.client.query(&statement.text, &statement.values, &id))
        };
        statements.iter().map(run).collect()
    }
}
