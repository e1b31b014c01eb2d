//! The projection in a ClickHouse database.
//!
//! The engine opens without the database. Until the database answers, queries and changes fail, and the sync task tries again.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::cancellation::Cancellation;
use crate::metrics::query::Query;
use crate::metrics::rows::{Rows, Scope};
use crate::projection::clickhouse::address::ClickHouseAddress;
use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::dialect::ClickHouse;
use crate::projection::clickhouse::schema::{self, Placement};
use crate::projection::clickhouse::snapshot::Snapshot;
use crate::projection::clickhouse::statements;
use crate::projection::clickhouse::writer::Writer;
use crate::projection::document::{Document, ProductKey, RecordKey};
use crate::projection::engine::AnalyticsEngine;
use crate::projection::error::ProjectionError;
use crate::projection::source::{Origin, Position, TrackedChanges};
use crate::projection::sql;

/// The ClickHouse engine.
pub struct ClickHouseEngine {
    client: Client,
    placement: Placement,
    state: Mutex<State>,
    /// What queries expect in the database.
    fingerprint: RwLock<String>,
    /// What counted when it was last read or written.
    known: Mutex<Option<Snapshot>>,
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
        Self {
            client: Client::new(address, password, cluster.is_some()),
            placement: Placement { cluster },
            state: Mutex::default(),
            fingerprint: RwLock::new(schema::fingerprint("")),
            known: Mutex::default(),
        }
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
        let found = Snapshot::read(&self.client)?.filter(|snapshot| snapshot.fingerprint == fingerprint);
        self.known().clone_from(&found);
        Ok(found)
    }

    fn known(&self) -> MutexGuard<'_, Option<Snapshot>> {
        // Whatever it is, queries check it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
            if is_current && !is_ahead && !rebuild && schema::is_complete(&self.client)? {
                // Other servers of a cluster may lack them.
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
        if !schema::is_complete(&self.client)? {
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
        *self.known() = Some(writer.snapshot().clone());
        *state = State { position: Some(writer.position()), writer: Some(writer) };
        Ok(())
    }

    fn records_with_products(&self, products: &BTreeSet<ProductKey>) -> Result<Vec<RecordKey>, ProjectionError> {
        self.state().writer.as_ref().ok_or(ProjectionError::Moved)?.records_with_products(&self.client, products)
    }

    fn query(&self, query: &Query, scope: &Scope, fresh: Position, cancellation: &Cancellation) -> Result<Vec<Rows>, ProjectionError> {
        let expected = self.expected();
        let known = self.known().clone().filter(|known| known.fingerprint == expected && known.position.reaches(fresh));
        if let Some(known) = known {
            match statements::run(&self.client, &sql::statements(query, scope, &ClickHouse(&known)), Some(&known), cancellation) {
                Err(ProjectionError::Moved) => {}
                result => return result,
            }
        }
        let snapshot = self.find(&expected)?.ok_or_else(|| ProjectionError::Unavailable("it has not been filled yet".into()))?;
        // The database was complete a moment ago, and was lost since.
        if !snapshot.position.reaches(fresh) {
            return Err(ProjectionError::NotFresh);
        }
        statements::run(&self.client, &sql::statements(query, scope, &ClickHouse(&snapshot)), None, cancellation)
    }
}
