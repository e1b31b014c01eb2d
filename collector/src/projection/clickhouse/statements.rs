//! The statements of a query, which run at the same time: planning takes the database longer than reading for most of them.
//!
//! A query begins with what counted when it was last read or written, and checks meanwhile that this is still so.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::cancellation::Cancellation;
use crate::clock;
use crate::metrics::rows::Rows;
use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::snapshot::Snapshot;
use crate::projection::error::ProjectionError;
use crate::projection::sql::Statement;

/// The time between two attempts to stop statements: one that has not begun yet is not stopped.
const STOP_INTERVAL: Duration = Duration::from_millis(20);

/// Runs statements, and returns their rows in the same order. Fails with [`ProjectionError::Moved`] if something else than `expected` counts.
/// After an error, and after a cancellation, all statements are stopped.
pub(super) fn run(
    client: &Client,
    statements: &[Statement],
    expected: Option<&Snapshot>,
    cancellation: &Cancellation,
) -> Result<Vec<Rows>, ProjectionError> {
    let id = clock::random_hex::<16>().map_err(|error| ProjectionError::Engine(error.to_string()))?;
    let ids: Vec<_> = (0..statements.len()).map(|at| format!("{id}-{at}")).collect();
    if cancellation.is_cancelled() {
        return Err(ProjectionError::Engine("cancelled".into()));
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        // The receiver stays until all threads have ended.
        for ((at, statement), id) in statements.iter().enumerate().zip(&ids) {
            let sender = sender.clone();
            scope.spawn(move || drop(sender.send((at, client.query(&statement.text, &statement.values, id)))));
        }
        if let Some(expected) = expected {
            let sender = sender.clone();
            scope.spawn(move || drop(sender.send((statements.len(), expected.check(client).map(|()| Rows::new())))));
        }
        drop(sender);
        let mut found = vec![Rows::new(); statements.len()];
        let mut error = None;
        loop {
            match receiver.recv_timeout(STOP_INTERVAL) {
                Ok((at, Ok(rows))) => {
                    if let Some(place) = found.get_mut(at) {
                        *place = rows;
                    }
                    continue;
                }
                // The errors of the other statements are about something else than what counts.
                Ok((_, Err(ProjectionError::Moved))) => error = Some(ProjectionError::Moved),
                Ok((_, Err(failed))) => error = error.or(Some(failed)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if error.is_some() || cancellation.is_cancelled() {
                client.kill(&ids);
            }
        }
        error.map_or(Ok(found), Err)
    })
}
