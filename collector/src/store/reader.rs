//! Connections that read, apart from the one that writes.
//!
//! SQLite blocks its thread, so each use goes to the pool of blocking threads; a few connections at a time are as many as disks like.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::schema;
use crate::Error;

/// The most connections that read at the same time.
const CONNECTIONS: usize = 4;

/// A few connections that read.
pub(super) struct Readers {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Semaphore,
}

impl Readers {
    pub(super) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, idle: Arc::default(), turns: Semaphore::new(CONNECTIONS) }
    }

    /// Runs `work` with a connection on a thread that may block.
    pub(super) async fn with<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let _turn = self.turns.acquire().await.map_err(|_| Error::Stopping)?;
        let (path, busy_timeout, idle) = (self.path.clone(), self.busy_timeout, Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = kept.map_or_else(|| open(&path, busy_timeout), Ok)?;
            let result = work(&connection)?;
            // One that failed is dropped instead.
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(result)
        });
        task.await.map_err(|_| Error::Stopping)?.map_err(Error::CannotRead)
    }
}

fn open(path: &std::path::Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = schema::connect(path, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    Ok(connection)
}
