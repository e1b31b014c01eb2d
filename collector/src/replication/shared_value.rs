//! A value in the key-value store of the group, which the leader of the moment continues.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::error::LogError;
use super::jetstream::{JetStreamLog, limited};

use crate::hex;

/// A value. Saving fails if another node has saved since this one has loaded.
///
/// It belongs to the log of the group: one that follows on the same servers begins without a value.
pub(crate) struct SharedValue {
    log: JetStreamLog,
    /// The identity of the log, once it is known.
    group: Arc<OnceLock<String>>,
    kind: &'static str,
    name: String,
    revision: u64,
}

impl SharedValue {
    /// Returns the value with this name, which may have any characters.
    pub(super) fn new(log: JetStreamLog, group: Arc<OnceLock<String>>, kind: &'static str, name: &str) -> Self {
        Self { log, group, kind, name: hex::encode(name.as_bytes()), revision: 0 }
    }

    fn key(&self) -> Result<String, LogError> {
        let group = self.group.get().ok_or_else(|| LogError::Unavailable("this node does not follow it yet".into()))?;
        Ok(format!("{}.{group}.{}", self.kind, self.name))
    }

    /// Loads the value, or None if it was never saved.
    pub(crate) async fn load(&mut self) -> anyhow::Result<Option<Bytes>> {
        let store = self.log.key_values().await?;
        let entry = limited(store.entry(self.key()?)).await?.map_err(LogError::unavailable)?;
        self.revision = entry.as_ref().map_or(0, |entry| entry.revision);
        Ok(entry.map(|entry| entry.value))
    }

    /// Saves the value.
    pub(crate) async fn save(&mut self, value: Bytes) -> anyhow::Result<()> {
        let store = self.log.key_values().await?;
        self.revision = limited(store.update(self.key()?, value, self.revision)).await?.map_err(LogError::unavailable)?;
        Ok(())
    }
}
