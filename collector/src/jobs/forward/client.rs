//! One request at a time to somebody else's server, on a thread of its own that nobody waits for when the collector stops.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use ureq::Agent;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest wait that a server's `Retry-After` is believed.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// What an answer means for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was taken.
    Taken,
    /// It will never be taken; the ones after it may.
    Refused(u16),
    /// Nothing is taken until the operator mends address or credentials.
    Locked(u16),
    /// It may be taken later; the status, if there was an answer, and how long the server asks to wait.
    Later(Option<u16>, Option<Duration>),
}

struct Job {
    body: String,
    answer: oneshot::Sender<Verdict>,
}

/// Posts to one address.
pub(super) struct Poster(mpsc::Sender<Job>);

impl Poster {
    pub(super) fn start(url: String, authorization: Option<String>) -> io::Result<Self> {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(PATIENCE));
        let agent: Agent = config.build().into();
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name("forward".into()).spawn(move || {
            for job in jobs {
                let verdict = post(&agent, &url, authorization.as_deref(), &job.body);
                // Whoever asked has gone where the collector stops.
                let _ = job.answer.send(verdict);
            }
        })?;
        Ok(Self(sender))
    }

    /// Posts a body and says what came of it.
    pub(super) async fn post(&self, body: String) -> Verdict {
        let (answer, answered) = oneshot::channel();
        let lost = Verdict::Later(None, None);
        if self.0.send(Job { body, answer }).is_err() {
            return lost;
        }
        answered.await.unwrap_or(lost)
    }
}

fn post(agent: &Agent, url: &str, authorization: Option<&str>, body: &str) -> Verdict {
    let mut request = agent.post(url).header("content-type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let Ok(answer) = request.send(body) else { return Verdict::Later(None, None) };
    let asked = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    verdict(answer.status().as_u16(), asked.map(Duration::from_secs))
}

fn verdict(status: u16, asked: Option<Duration>) -> Verdict {
    match status {
        200..=299 => Verdict::Taken,
        300..=399 | 401 | 403 | 404 | 407 => Verdict::Locked(status),
        408 | 425 | 429 | 500..=599 => Verdict::Later(Some(status), asked.map(|asked| asked.min(LONGEST_ASKED))),
        _ => Verdict::Refused(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_meaning() {
        let second = Some(Duration::from_secs(1));
        for (status, wanted) in [
            (204, Verdict::Taken),
            (302, Verdict::Locked(302)),
            (400, Verdict::Refused(400)),
            (401, Verdict::Locked(401)),
            (404, Verdict::Locked(404)),
            (413, Verdict::Refused(413)),
            (429, Verdict::Later(Some(429), second)),
            (503, Verdict::Later(Some(503), second)),
        ] {
            assert_eq!(verdict(status, second), wanted);
        }
        assert_eq!(verdict(503, Some(Duration::MAX)), Verdict::Later(Some(503), Some(LONGEST_ASKED)));
    }
}
