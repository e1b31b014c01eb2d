//! Reads the log and passes its entries to the store, each once and in order.

use std::sync::Arc;
use std::time::Duration;

use super::error::LogError;
use super::health::Health;
use super::jetstream::JetStreamLog;
use super::membership::{Candidate, establish};
use crate::clock::Stopwatch;
use crate::store::Inbox;

/// The pause before the log is read again after an error.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// How often the log is asked for the number of its newest entry.
const POLL_INTERVAL: Duration = Duration::from_millis(400);

/// Finds or creates the stream. Returns the number of the entry after which the store goes on, or None if the node must not follow the log.
pub(super) async fn connect(log: &JetStreamLog, candidate: &mut Candidate<'_>, inbox: &Inbox) -> Option<u64> {
    let mut reported = String::new();
    loop {
        let result = match log.max_entry_bytes() {
            Ok(_) => establish(log, candidate).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(after) => return Some(after),
            Err(LogError::Refused(reason)) => {
                inbox.stop(reason);
                return None;
            }
            Err(error) => {
                let text = error.to_string();
                if reported != text {
                    tracing::warn!(error = text, "waiting for the log");
                    reported = text;
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Passes the entries after `last` to the store, until the store closes or cannot go on.
pub(super) async fn follow(log: JetStreamLog, mut last: u64, inbox: Inbox, health: Arc<Health>) {
    loop {
        let result = read(&log, &mut last, &inbox).await;
        match result {
            Ok(()) => return,
            Err(error) => {
                health.failed();
                tracing::debug!(%error, last, "reading the log was interrupted");
            }
        }
        if let Ok((_, extent)) = log.look().await
            && extent.first > last + 1
        {
            inbox.stop(format!("the entries {} to {} are no longer in the log", last + 1, extent.first - 1));
            return;
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// Reads until an error, or until the store takes no more.
async fn read(log: &JetStreamLog, last: &mut u64, inbox: &Inbox) -> Result<(), LogError> {
    let mut entries = log.read_from(*last + 1).await?;
    loop {
        let entry = entries.next().await?;
        if entry.number <= *last {
            continue;
        }
        if entry.number != *last + 1 {
            return Err(LogError::Unavailable(format!("entry {} came after entry {last}", entry.number)));
        }
        if inbox.push(entry.number, &entry.bytes).await.is_err() {
            return Ok(());
        }
        *last = entry.number;
    }
}

/// Asks the log for its newest entry, again and again.
pub(super) async fn watch_lag(log: JetStreamLog, health: Arc<Health>) {
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let asked = Stopwatch::start();
        if let Ok((_, extent)) = log.look().await {
            health.seen(asked, extent.last);
        }
    }
}
