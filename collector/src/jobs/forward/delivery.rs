//! Delivers requests one after the other. A request that fails for too long is set aside, so that it does not stop the others.
//!
//! A server that is out of order fails for every request, which loses none of them: the next request that the server accepts shows that it works
//! again, and then each request that was set aside is sent again.

use std::time::Duration;

use serde_json::Value;

use super::client::{ForwardClient, ForwardOutcome};
use crate::clock::{self, Stopwatch};
use crate::replication::Leadership;
use crate::telemetry::Telemetry;

/// The delay after the first failure; each further failure doubles it.
const INITIAL_DELAY: Duration = Duration::from_millis(500);

/// The longest delay, unless the server requests a longer one.
const MAX_DELAY: Duration = Duration::from_secs(300);

/// Sends requests to one server.
pub(super) struct Delivery {
    client: ForwardClient,
    /// How long a request is retried before it is set aside.
    retry_time: Duration,
    leadership: Leadership,
}

/// What happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// The server accepted or rejected it.
    Answered,
    /// It failed for too long, or once if it was sent once.
    Failed,
    /// The server is not available, or rejects every request.
    Unavailable,
    /// The term of this node as leader has ended: the next leader sends the request, if it was not sent yet.
    TermEnded,
}

impl Delivery {
    pub(super) fn new(client: ForwardClient, retry_time: Duration, leadership: Leadership) -> Self {
        Self { client, retry_time, leadership }
    }

    /// Sends a request until the server accepts or rejects it, or until it has failed for too long, while the term lasts. A server that rejects
    /// the credentials is retried without end: no request would succeed.
    pub(super) async fn deliver(&self, request: &Value, telemetry: &Telemetry, term: u64) -> Delivered {
        let body = request.to_string();
        let (mut failures, mut failing) = (0, None);
        loop {
            // Between two attempts another node may have become the leader and sent the request, and this one may even lead again.
            if self.leadership.fence() != Some(term) {
                return Delivered::TermEnded;
            }
            let outcome = self.client.post(body.clone()).await;
            let retry_after = match outcome {
                ForwardOutcome::Accepted | ForwardOutcome::Rejected(_) => {
                    finish(request, outcome, telemetry);
                    return Delivered::Answered;
                }
                ForwardOutcome::AuthFailed(status) => {
                    tracing::error!(status, "the forwarding target rejects all requests; check its URL and credentials");
                    telemetry.forwarded("locked");
                    None
                }
                ForwardOutcome::Retry(status, retry_after) => {
                    tracing::warn!(status, "the forwarding target is unavailable; retrying later");
                    telemetry.forwarded("retried");
                    if failing.get_or_insert_with(Stopwatch::start).elapsed() >= self.retry_time {
                        return Delivered::Failed;
                    }
                    retry_after
                }
            };
            failures += 1;
            tokio::select! {
                () = tokio::time::sleep(delay(failures, retry_after)) => {}
                () = self.leadership.ended(term) => {}
            }
        }
    }

    /// Sends a request once.
    pub(super) async fn deliver_once(&self, request: &Value, telemetry: &Telemetry, term: u64) -> Delivered {
        if self.leadership.fence() != Some(term) {
            return Delivered::TermEnded;
        }
        let outcome = self.client.post(request.to_string()).await;
        match outcome {
            ForwardOutcome::Accepted | ForwardOutcome::Rejected(_) => {
                finish(request, outcome, telemetry);
                Delivered::Answered
            }
            ForwardOutcome::Retry(Some(500..), _) => Delivered::Failed,
            ForwardOutcome::AuthFailed(_) | ForwardOutcome::Retry(..) => Delivered::Unavailable,
        }
    }
}

/// Returns the `request_id` of a request, which names the event.
pub(super) fn request_id(request: &Value) -> &str {
    request["request_id"].as_str().unwrap_or_default()
}

/// Counts a request that the server accepted or rejected.
fn finish(request: &Value, outcome: ForwardOutcome, telemetry: &Telemetry) {
    if let ForwardOutcome::Rejected(status) = outcome {
        tracing::warn!(status, request_id = request_id(request), "the forwarding target rejected an event; it is skipped");
        telemetry.forwarded("refused");
    } else {
        telemetry.forwarded("taken");
    }
}

/// Returns the delay after this many failures in a row: exponential backoff with jitter, or the server's `Retry-After` if that is longer.
pub(super) fn delay(failures: u32, retry_after: Option<Duration>) -> Duration {
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
