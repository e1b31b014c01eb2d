//! The HTTP client of forwarding: sends one request at a time on its own thread, so that shutdown never waits for a vendor's server.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use ureq::Agent;

/// The timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForwardOutcome {
    /// The server accepted it.
    Accepted,
    /// The server rejected it permanently; later requests may succeed.
    Rejected(u16),
    /// The server rejects every request until the operator corrects the URL or the credentials.
    AuthFailed(u16),
    /// The request may succeed later. Holds the status, if there was a response, and the server's `Retry-After`.
    Retry(Option<u16>, Option<Duration>),
}

struct Job {
    body: String,
    outcome: oneshot::Sender<ForwardOutcome>,
}

/// A client of one URL.
pub(super) struct ForwardClient(mpsc::Sender<Job>);

impl ForwardClient {
    pub(super) fn start(url: String, authorization: Option<String>) -> io::Result<Self> {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(REQUEST_TIMEOUT));
        let agent: Agent = config.build().into();
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name("forward".into()).spawn(move || {
            for job in jobs {
                let outcome = post(&agent, &url, authorization.as_deref(), &job.body);
                // The receiver is gone if the collector is stopping.
                let _ = job.outcome.send(outcome);
            }
        })?;
        Ok(Self(sender))
    }

    /// Sends a body and returns the outcome.
    pub(super) async fn post(&self, body: String) -> ForwardOutcome {
        let (outcome, result) = oneshot::channel();
        let lost = ForwardOutcome::Retry(None, None);
        if self.0.send(Job { body, outcome }).is_err() {
            return lost;
        }
        result.await.unwrap_or(lost)
    }
}

fn post(agent: &Agent, url: &str, authorization: Option<&str>, body: &str) -> ForwardOutcome {
    let mut request = agent.post(url).header("content-type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let Ok(response) = request.send(body) else { return ForwardOutcome::Retry(None, None) };
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    outcome(response.status().as_u16(), retry_after.map(Duration::from_secs))
}

fn outcome(status: u16, retry_after: Option<Duration>) -> ForwardOutcome {
    match status {
        200..=299 => ForwardOutcome::Accepted,
        300..=399 | 401 | 403 | 404 | 407 => ForwardOutcome::AuthFailed(status),
        408 | 425 | 429 | 500..=599 => ForwardOutcome::Retry(Some(status), retry_after.map(|delay| delay.min(MAX_RETRY_AFTER))),
        _ => ForwardOutcome::Rejected(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_an_outcome() {
        let second = Some(Duration::from_secs(1));
        for (status, expected) in [
            (204, ForwardOutcome::Accepted),
            (302, ForwardOutcome::AuthFailed(302)),
            (400, ForwardOutcome::Rejected(400)),
            (401, ForwardOutcome::AuthFailed(401)),
            (404, ForwardOutcome::AuthFailed(404)),
            (413, ForwardOutcome::Rejected(413)),
            (429, ForwardOutcome::Retry(Some(429), second)),
            (503, ForwardOutcome::Retry(Some(503), second)),
        ] {
            assert_eq!(outcome(status, second), expected);
        }
        assert_eq!(outcome(503, Some(Duration::MAX)), ForwardOutcome::Retry(Some(503), Some(MAX_RETRY_AFTER)));
    }
}
