//! Forwards a project's events to the vendor's server that the shop also uses.
//!
//! It reads the durable event log, so no page waits for it and a restart loses nothing. Events are sent in order, one request at a time.
//! The position is stored after each response: a crash can repeat one request, which has its event's id, and loses none.

mod client;
mod position;
mod target;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::sync::watch;

use crate::store::{Cursor, Range};
use crate::{AppState, clock};
use client::{ForwardClient, ForwardOutcome};
use position::{ForwardPosition, PositionFile};
pub(crate) use target::{Target, targets};

/// How many events are read at a time.
const PAGE_EVENTS: usize = 100;

/// The delay after the first failure; each further failure doubles it.
const INITIAL_DELAY: Duration = Duration::from_millis(500);

/// The longest delay, unless the server requests a longer one.
const MAX_DELAY: Duration = Duration::from_secs(300);

/// Converts a stored event into the vendor's requests.
pub(crate) type Translate = fn(&Value) -> Vec<Value>;

/// Starts to forward to each target. A project without a stored position begins with its next event.
pub(crate) fn start(targets: Vec<Target>, folder: &Path, state: &Arc<AppState>, translate: Translate) -> anyhow::Result<()> {
    for target in targets {
        let head = *state.store.head().borrow();
        let context = || format!("cannot start forwarding from the data folder {}; make it readable and writable", folder.display());
        let (file, position) = PositionFile::open(folder, &target.token, head).with_context(context)?;
        let client = ForwardClient::start(target.url, target.authorization).with_context(context)?;
        let forwarder = Forwarder { state: Arc::clone(state), project: target.project, file, position, client, translate };
        tokio::spawn(forwarder.run());
    }
    Ok(())
}

struct Forwarder {
    state: Arc<AppState>,
    project: i64,
    file: PositionFile,
    position: ForwardPosition,
    client: ForwardClient,
    translate: Translate,
}

impl Forwarder {
    async fn run(mut self) {
        let mut closing = self.state.closing.clone();
        let head = self.state.store.head();
        tokio::select! {
            () = self.follow(head) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }

    async fn follow(&mut self, mut head: watch::Receiver<Cursor>) {
        let mut failures = 0;
        loop {
            let until = *head.borrow_and_update();
            match self.forward_page(until).await {
                Ok(0) => {
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Ok(_) => failures = 0,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "forwarding failed; retrying later");
                    failures += 1;
                    tokio::time::sleep(delay(failures, None)).await;
                }
            }
        }
    }

    /// Sends the next page of events up to `until`, and returns how many events it had.
    async fn forward_page(&mut self, until: Cursor) -> anyhow::Result<usize> {
        let range = Range { project: self.project, after: self.position.after, until, limit: PAGE_EVENTS };
        let events = self.state.store.read(range).await?;
        for event in &events {
            let exported = serde_json::from_str(&event.json).unwrap_or(Value::Null);
            for request in (self.translate)(&exported).into_iter().skip(self.position.sent) {
                self.deliver(request.to_string()).await;
                self.save(ForwardPosition { sent: self.position.sent + 1, ..self.position }).await?;
            }
            self.position = ForwardPosition { after: event.cursor, sent: 0 };
        }
        if !events.is_empty() {
            self.save(self.position).await?;
        }
        Ok(events.len())
    }

    async fn save(&mut self, position: ForwardPosition) -> anyhow::Result<()> {
        let file = self.file.clone();
        tokio::task::spawn_blocking(move || file.save(position)).await?.context("cannot store the position of forwarding")?;
        self.position = position;
        Ok(())
    }

    /// Sends a request until the server accepts or rejects it.
    async fn deliver(&self, body: String) {
        let telemetry = &self.state.telemetry;
        let mut failures = 0;
        loop {
            let retry_after = match self.client.post(body.clone()).await {
                ForwardOutcome::Accepted => return telemetry.forwarded("taken"),
                ForwardOutcome::Rejected(status) => {
                    tracing::warn!(status, "the forwarding target rejected an event; it is skipped");
                    return telemetry.forwarded("refused");
                }
                ForwardOutcome::AuthFailed(status) => {
                    tracing::error!(status, "the forwarding target rejects all requests; check its URL and credentials");
                    telemetry.forwarded("locked");
                    None
                }
                ForwardOutcome::Retry(status, retry_after) => {
                    tracing::warn!(status, "the forwarding target is unavailable; retrying later");
                    telemetry.forwarded("retried");
                    retry_after
                }
            };
            failures += 1;
            tokio::time::sleep(delay(failures, retry_after)).await;
        }
    }
}

/// Returns the delay after so many failures in a row: exponential backoff with jitter, or the server's `Retry-After` if that is longer.
fn delay(failures: u32, retry_after: Option<Duration>) -> Duration {
    let jitter = clock::random::<1>().map_or(u8::MAX, |[byte]| byte);
    let backoff = INITIAL_DELAY.saturating_mul(1_u32.checked_shl(failures.min(16) - 1).unwrap_or(u32::MAX)).min(MAX_DELAY);
    retry_after.unwrap_or_default().max(backoff.mul_f64(0.5 + f64::from(jitter) / 512.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_bounded_and_honour_retry_after() {
        for failures in 1..64 {
            let delay = delay(failures, None);
            assert!(delay >= INITIAL_DELAY / 2 && delay <= MAX_DELAY, "{failures}: {delay:?}");
        }
        assert_eq!(delay(1, Some(Duration::from_secs(900))), Duration::from_secs(900));
    }
}
