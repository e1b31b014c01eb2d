//! Keeps the log as long as the operator says and no longer, in small steps that nobody has to wait for.
//!
//! A step goes through the queue like a request, and after each the store is left alone for several times as long as the step took.

use std::sync::Arc;
use std::time::Duration;

use crate::AppState;
use crate::clock::Stopwatch;

/// The most events of a step.
const STEP: usize = 500;

/// How much longer than a step the rest after it is.
const REST: u32 = 9;

/// The longest time between two looks when nothing is over.
const LONGEST: Duration = Duration::from_secs(600);

/// The shortest one.
const SHORTEST: Duration = Duration::from_millis(50);

/// Takes events out of the log that came longer ago than `keep`, until the server stops.
pub(crate) async fn run(collector: Arc<AppState>, keep: Duration) {
    let mut closing = collector.closing.clone();
    let look = (keep / 100).clamp(SHORTEST, LONGEST);
    while !*closing.borrow() {
        let watch = Stopwatch::start();
        let before = collector.clock.millis().saturating_sub(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX));
        let rest = match collector.store.trim(before, STEP).await {
            Ok(trimmed) => {
                collector.telemetry.trimmed(trimmed.gone);
                if trimmed.more { watch.elapsed() * REST } else { look }
            }
            // The store has said what is wrong; a full queue is no fault at all.
            Err(_) => look,
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = closing.changed() => {}
        }
    }
}
