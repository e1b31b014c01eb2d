//! Watches the projects in the data folder, so that changes of `tillroll projects` apply without a restart. [`crate::file_change`] detects
//! a change.

use std::sync::Arc;
use std::time::Duration;

use crate::AppState;

/// How often the version of the projects file is read.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Reloads the projects whenever another process has changed them, until the server stops.
pub(crate) async fn run(state: Arc<AppState>) {
    let mut closing = state.closing.clone();
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    while !*closing.borrow() {
        tokio::select! {
            _ = interval.tick() => {
                let state = Arc::clone(&state);
                let refresh = move || state.projects.refresh(|token| Ok(state.store.project(token)?));
                if let Ok(Err(error)) = tokio::task::spawn_blocking(refresh).await {
                    tracing::error!(error = format!("{error:#}"), "cannot read the projects in the data folder");
                }
            }
            _ = closing.changed() => {}
        }
    }
}
