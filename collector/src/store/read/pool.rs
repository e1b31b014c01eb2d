//! A pool of connections for reading.
//!
//! SQLite blocks its thread, so each use runs on tokio's pool of blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::error::StoreError;
use crate::store::schema::connect::connect_reader;

/// The most connections that read at the same time. More would only compete for the disk.
const MAX_CONNECTIONS: usize = 4;

/// A pool of connections for reading.
pub(in crate::store) struct ReadPool {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl ReadPool {
    pub(in crate::store) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, idle: Arc::default(), permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)) }
    }

    /// Runs `work` if a connection is free. Returns None if none is, or if it fails.
    pub(in crate::store) async fn with_idle<T, F>(&self, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.run(permit, work).await.ok()
    }

    /// Runs `work` with a connection on a thread that may block.
    pub(in crate::store) async fn with<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        // A caller may stop waiting while the thread still reads, so the thread holds the permit.
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Stopping)?;
        self.run(permit, work).await
    }

    async fn run<T, F>(&self, permit: OwnedSemaphorePermit, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (path, busy_timeout, idle) = (self.path.clone(), self.busy_timeout, Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = connection.map_or_else(|| connect_reader(&path, busy_timeout), Ok)?;
            let result = work(&connection)?;
            // A connection with an error is closed instead.
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            Ok(result)
        });
        task.await.map_err(|_| StoreError::Stopping)?.map_err(StoreError::Read)
    }
}
