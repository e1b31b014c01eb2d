//! Publishes the entries of this node.
//!
//! A few entries are on their way at a time; meanwhile the next requests gather. An entry is repeated for a short time, under the same id.
//! After that its requests get an error, and all further ones at once, until the log accepts an entry again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::error::LogError;
use super::health::Health;
use super::jetstream::JetStreamLog;
use crate::clock::Stopwatch;
use crate::store::{Failures, Outbox, OutgoingEntry, StoreError};

/// How many entries are on their way at a time.
const MAX_IN_FLIGHT: usize = 4;

/// How long an entry is repeated.
const MAX_PUBLISH_TIME: Duration = Duration::from_secs(2);

/// How long the log may take to accept an entry before it is repeated.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(900);

/// The pause after a failed attempt, and between two tests of a log that is not available.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Publishes requests until the store closes.
pub(super) async fn run(log: JetStreamLog, mut outbox: Outbox, health: Arc<Health>) {
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let failures = outbox.failures();
    let mut max_bytes = 0;
    while let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await {
        // Before the first connection every entry is refused below.
        max_bytes = log.max_entry_bytes().unwrap_or(max_bytes);
        let limit = if max_bytes == 0 { usize::MAX } else { max_bytes };
        let Some(entry) = outbox.next(limit).await else { break };
        if let Err(error) = health.accepts() {
            fail(&failures, &entry, &error);
            continue;
        }
        let (log, health, failures) = (log.clone(), Arc::clone(&health), failures.clone());
        tokio::spawn(async move {
            match publish(&log, &entry, &health).await {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "an entry was not published");
                    if health.set_available(false) {
                        tracing::error!(%error, "the log accepts no entries; requests get 503 until it does");
                        tokio::spawn(recover(log, Arc::clone(&health)));
                    }
                    fail(&failures, &entry, &StoreError::LogUnavailable);
                }
            }
            drop(permit);
        });
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

/// Tests with empty entries when the log accepts entries again.
async fn recover(log: JetStreamLog, health: Arc<Health>) {
    let watch = Stopwatch::start();
    loop {
        tokio::time::sleep(RETRY_DELAY).await;
        let Some(entry) = Outbox::empty_entry() else { continue };
        if log.publish(&entry.id, entry.bytes).await.is_ok() {
            health.set_available(true);
            tracing::info!(seconds = watch.elapsed().as_secs_f64(), "the log accepts entries again");
            return;
        }
    }
}
