//! Logs once a minute what was counted instead of logged line by line.

use std::sync::Arc;

use crate::{AppState, log_budget};

/// Logs the sums until the server stops; it logs what is left when it has answered the last request.
pub(crate) async fn run(state: Arc<AppState>) {
    let mut closing = state.closing.clone();
    let mut interval = tokio::time::interval(log_budget::WINDOW);
    // The first tick would come at once, and cut the sum of the first requests in two.
    interval.reset();
    while !*closing.borrow() {
        tokio::select! {
            _ = interval.tick() => {
                state.dropped_reports.report();
                log_budget::report();
            }
            _ = closing.changed() => {}
        }
    }
}
