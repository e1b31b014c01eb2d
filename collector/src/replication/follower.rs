//! Reads the log and passes its entries to the store, each once and in order.
//!
//! Numbers alone do not show that a log was set back to an older copy and has got other entries since. So before each read the last applied
//! entry is compared with the one that the log has under its number.

use std::sync::Arc;
use std::time::Duration;

use super::error::LogError;
use super::health::Health;
use super::jetstream::JetStreamLog;
use super::membership::{Candidate, establish};
use super::outage::Outage;
use crate::clock::Stopwatch;
use crate::store::{Inbox, entry_id};

/// The pause before the log is read again after an error.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// How often the log is asked for the number of its newest entry.
const POLL_INTERVAL: Duration = Duration::from_millis(400);

/// How long the log may lack entries that this node has applied: a server that has just become the leader of the stream may be behind.
const MAX_BEHIND: Duration = Duration::from_secs(5);

/// The last entry that was passed to the store.
pub(super) struct Last {
    pub(super) number: u64,
    /// Its id, if the store has it.
    pub(super) id: Option<[u8; 16]>,
}

/// Finds or creates the stream. Returns the number of the entry after which the store goes on, or None if the node must not follow the log.
pub(super) async fn connect(log: &JetStreamLog, candidate: &mut Candidate<'_>, inbox: &Inbox) -> Option<u64> {
    let mut reported = String::new();
    log.wait_for_first_attempt().await;
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
pub(super) async fn follow(log: JetStreamLog, mut last: Last, inbox: Inbox, health: Arc<Health>) {
    let (mut behind, mut outage) = (None, Outage::default());
    loop {
        let result = match check(&log, &last, &mut behind).await {
            Ok(()) => read(&log, &mut last, &inbox, &health, &mut outage).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => return,
            Err(LogError::Refused(reason)) => return inbox.stop(reason),
            Err(error) => {
                health.read_failed(error.to_string());
                if outage.failed() {
                    tracing::warn!(%error, last = last.number, "the log cannot be read");
                }
            }
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// Checks that the log has what this node has applied, or has deleted it because of its age, and that nothing between is missing. `behind` is
/// since when the log has lacked entries.
async fn check(log: &JetStreamLog, last: &Last, behind: &mut Option<Stopwatch>) -> Result<(), LogError> {
    let (_, extent) = log.look().await?;
    let number = last.number;
    if extent.first > number + 1 {
        return Err(LogError::expired(number, extent.first));
    }
    if extent.last < number {
        let since = behind.get_or_insert_with(Stopwatch::start);
        if since.elapsed() < MAX_BEHIND {
            return Err(LogError::Unavailable(format!("the log ends with entry {}", extent.last)));
        }
        return Err(LogError::shorter(number, extent.last));
    }
    *behind = None;
    let Some(own) = last.id else { return Ok(()) };
    match log.entry(number).await? {
        Some(found) if entry_id(&found) != Some(own) => {
            Err(LogError::set_back(&format!("entry {number} of the log is not the one that this node has applied")))
        }
        _ => Ok(()),
    }
}

/// Reads until an error, or until the store takes no more.
async fn read(log: &JetStreamLog, last: &mut Last, inbox: &Inbox, health: &Health, outage: &mut Outage) -> Result<(), LogError> {
    let mut entries = log.read_from(last.number + 1).await?;
    health.read_works();
    outage.ended();
    loop {
        let entry = entries.next().await?;
        if entry.number <= last.number {
            continue;
        }
        if entry.number != last.number + 1 {
            return Err(LogError::Unavailable(format!("entry {} came after entry {}", entry.number, last.number)));
        }
        if inbox.push(entry.number, &entry.bytes).await.is_err() {
            return Ok(());
        }
        *last = Last { number: entry.number, id: entry_id(&entry.bytes) };
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
