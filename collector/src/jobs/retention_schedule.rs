//! Deletes events from the log when they are older than the operator's retention period, in small steps between requests.
//!
//! A step goes through the write queue like a request. After each step the store is idle for several times as long as the step took.

use std::sync::Arc;
use std::time::Duration;

use crate::AppState;
use crate::clock::Stopwatch;

/// The most events that one step deletes.
const MAX_STEP_EVENTS: usize = 500;

/// The pause after a step, as a multiple of the step's duration.
const PAUSE_FACTOR: u32 = 9;

/// The longest interval between two checks while nothing is expired.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(600);

/// The shortest interval between two checks.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Deletes events that were received longer ago than `retention`, until the server stops.
pub(crate) async fn run(state: Arc<AppState>, retention: Duration) {
    let mut closing = state.closing.clone();
    let poll_interval = (retention / 100).clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL);
    while !*closing.borrow() {
        // One node of a group starts trims, and all apply them.
        if !state.leadership.is_leader() {
            tokio::select! {
                () = tokio::time::sleep(poll_interval) => {}
                _ = closing.changed() => {}
            }
            continue;
        }
        let stopwatch = Stopwatch::start();
        let before = state.clock.millis().saturating_sub(u64::try_from(retention.as_millis()).unwrap_or(u64::MAX));
        let pause = match state.store.trim(before, MAX_STEP_EVENTS).await {
            Ok(trimmed) => {
                state.telemetry.trimmed(trimmed.deleted);
                if trimmed.has_more { stopwatch.elapsed() * PAUSE_FACTOR } else { poll_interval }
            }
            // The store has logged the error; a full queue is not an error.
            Err(_) => poll_interval,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closing.changed() => {}
        }
    }
}
