//! Whether large bodies reach the server, and whether the live view's stream comes through at once.

use std::time::Duration;

use super::report::{Finding, Report};
use crate::cli::server::ServerClient;
use crate::cli::tail::stream::{self, Failure, Start};

/// More than a proxy allows by itself, and well below the server's own limit of 5 MB.
const BODY_BYTES: usize = 2 << 20;

/// How long the stream's first message may take.
const STREAM_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports on bodies and, with credentials, on the stream.
pub(super) fn check(server: &ServerClient, report: &mut Report) {
    report.add("large bodies", &bodies(server));
    if server.authorization().is_some() {
        report.add("live view", &live_view(server));
    }
}

/// Sends a large body with a token that no project has: the server refuses it after it has arrived, and stores nothing.
fn bodies(server: &ServerClient) -> Finding {
    let mut body = br#"{"token":"tillroll-doctor","events":["#.to_vec();
    body.resize(BODY_BYTES - 2, b' ');
    body.extend(b"]}");
    let mut response = match server.post("/v2/batch", &[("content-type", "text/plain")], &body) {
        Ok(response) => response,
        Err(error) => {
            return Finding::problem(format!(
                "a body of {} MB does not arrive: raise the proxy's limit to 6 MB: {error:#}",
                BODY_BYTES >> 20
            ));
        }
    };
    let text = response.body_mut().read_to_string().unwrap_or_default();
    match response.status().as_u16() {
        401 if text.contains("unknown_token") => Finding::ok(format!("{} MB arrive", BODY_BYTES >> 20)),
        413 => Finding::problem(format!(
            "a proxy refuses a body of {} MB, which back ends and imports may send: raise its limit to 6 MB (nginx: client_max_body_size 6m)",
            BODY_BYTES >> 20
        )),
        429 | 503 => Finding::warning("not checked: the server is busy"),
        status => {
            Finding::problem(format!("POST /v2/batch has status {status}, without an answer of the collector: let the proxy pass it on"))
        }
    }
}

fn live_view(server: &ServerClient) -> Finding {
    let mut messages = stream::open(server.clone(), Start::Last(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let first = runtime.map(|runtime| runtime.block_on(async { tokio::time::timeout(STREAM_TIMEOUT, messages.recv()).await }));
    match first {
        Ok(Ok(Some(Ok(_)))) => Finding::ok("events come through at once"),
        Ok(Ok(Some(Err(Failure::Lost(error) | Failure::Refused(error))))) => Finding::problem(format!("{error:#}")),
        Ok(Err(_)) => {
            Finding::warning("the stream of /live/events is held back: switch buffering off in the proxy (nginx: proxy_buffering off)")
        }
        _ => Finding::warning("the stream of /live/events ends at once: check the time-outs of the proxy"),
    }
}
