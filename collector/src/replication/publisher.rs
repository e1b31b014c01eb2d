//! Publishes the entries of this node.
//!
//! One entry is on its way at a time; meanwhile the next requests gather. Each entry costs every server and every node about the same, whatever
//! its size, so few large ones let the group accept more requests. An entry is repeated for a short time, under the same id. After that its requests
//! get an error, and all further ones at once, until the log accepts an entry again.

use std::sync::Arc;
use std::time::Duration;

use super::error::LogError;
use super::health::Health;
use super::jetstream::JetStreamLog;
use crate::clock::Stopwatch;
use crate::store::{Failures, Outbox, OutgoingEntry, StoreError};

/// How long an entry is repeated.
const MAX_PUBLISH_TIME: Duration = Duration::from_secs(2);

/// How long the log may take to accept an entry before it is repeated.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(900);

/// The pause after a failed attempt, and between two tests of a log that is not available.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Publishes requests until the store closes.
pub(super) async fn run(log: JetStreamLog, mut outbox: Outbox, health: Arc<Health>) {
    let failures = outbox.failures();
    let mut max_bytes = 0;
    loop {
        // Before the first connection every entry is refused below.
        max_bytes = log.max_entry_bytes().unwrap_or(max_bytes);
        let limit = if max_bytes == 0 { usize::MAX } else { max_bytes };
        let Some(entry) = outbox.next(limit).await else { break };
        if let Err(error) = health.accepts() {
            fail(&failures, &entry, &error);
            continue;
        }
        if let Err(error) = publish(&log, &entry, &health).await {
            tracing::debug!(%error, "an entry was not published");
            if health.set_available(false) {
                tracing::error!(%error, "the log accepts no entries; requests get 503 until it does");
                tokio::spawn(recover(log.clone(), Arc::clone(&health), entry.bytes.len()));
            }
            fail(&failures, &entry, &StoreError::LogUnavailable);
        }
    }
}

fn fail(failures: &Failures, entry: &OutgoingEntry, error: &StoreError) {
    failures.fail(&entry.id, || match error {
        StoreError::LogStopped(reason) => StoreError::LogStopped(reason.clone()),
        StoreError::CatchingUp => StoreError::CatchingUp,
        _ => StoreError::LogUnavailable,
    });
}

/// Publishes an entry, and repeats that for a short time.
async fn publish(log: &JetStreamLog, entry: &OutgoingEntry, health: &Health) -> Result<(), LogError> {
    let watch = Stopwatch::start();
    loop {
        let attempt = tokio::time::timeout(ATTEMPT_TIMEOUT, log.publish(&entry.id, entry.bytes.clone()));
        let result = attempt.await.unwrap_or_else(|_| Err(LogError::Unavailable("no answer in time".into())));
        match result {
            Ok(_) => {
                health.published(watch.elapsed());
                return Ok(());
            }
            Err(error @ LogError::Refused(_)) => return Err(error),
            Err(error) => {
                health.failed();
                if watch.elapsed() + RETRY_DELAY >= MAX_PUBLISH_TIME {
                    return Err(error);
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Tests when the log accepts entries again, with empty entries that are as large as the one that was refused: a log that is full has space for
/// smaller ones.
async fn recover(log: JetStreamLog, health: Arc<Health>, bytes: usize) {
    let watch = Stopwatch::start();
    loop {
        tokio::time::sleep(RETRY_DELAY).await;
        let Some(entry) = Outbox::empty_entry() else { continue };
        if log.publish_padded(&entry.id, entry.bytes, bytes).await.is_ok() {
            health.set_available(true);
            tracing::info!(seconds = watch.elapsed().as_secs_f64(), "the log accepts entries again");
            return;
        }
    }
}
