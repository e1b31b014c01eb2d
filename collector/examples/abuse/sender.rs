//! Sends an attack: a number of connections, each with its next request after the response and a pause.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use crate::attacks::{self, Attack, Pace, Request};

/// The pause between two requests of a connection.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a slow sender sends a byte.
const SLOW_INTERVAL: Duration = Duration::from_millis(500);

/// How many senders an attack has.
const SENDERS: usize = 6;

/// How many connections a slow attack holds open.
const SLOW_CONNECTIONS: usize = 1_000;

/// How long a response may take. A sender that waits longer sends less.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// An attack that is being sent, on a thread of its own.
pub(crate) struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Outcome>,
}

/// The number of responses by status; 0 is a connection that the server closed.
#[derive(Default)]
pub(crate) struct Outcome(BTreeMap<u16, usize>);

impl Running {
    pub(crate) fn stop(self) -> Outcome {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("the senders")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "answers:")?;
        self.0.iter().try_for_each(|(status, count)| write!(out, " {count} × {status}"))
    }
}

/// Starts the senders of an attack.
pub(crate) fn start(attack: &Attack, address: SocketAddr) -> Running {
    let stop = Arc::new(AtomicBool::new(false));
    let access_token = if attack.needs_access_token { access_token(address) } else { String::new() };
    let requests = Arc::new(attack.requests.iter().map(|request| request.with_access_token(&access_token)).collect::<Vec<_>>());
    let (pace, stopped) = (attack.pace, Arc::clone(&stop));
    let thread = std::thread::spawn(move || {
        lower_priority();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let count = if pace == Pace::Slow { SLOW_CONNECTIONS } else { SENDERS };
            let senders: Vec<_> =
                (0..count).map(|at| tokio::spawn(send_all(requests.clone(), at, pace, address, Arc::clone(&stopped)))).collect();
            let mut outcome = Outcome::default();
            for sender in senders {
                for (status, count) in sender.await.expect("a sender").0 {
                    *outcome.0.entry(status).or_default() += count;
                }
            }
            outcome
        })
    });
    Running { stop, thread }
}

/// Gives this thread the lowest priority. Attackers use their own processors, so their work must not delay what is measured.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    rustix::process::setpriority_process(None, 19).expect("a lower priority");
}

async fn send_all(requests: Arc<Vec<Request>>, first: usize, pace: Pace, address: SocketAddr, stop: Arc<AtomicBool>) -> Outcome {
    let (mut outcome, mut buffer) = (Outcome::default(), Vec::new());
    for request in requests.iter().cycle().skip(first % requests.len()) {
        if stop.load(Relaxed) {
            break;
        }
        let status = match pace {
            Pace::Fast => send(request.fresh(&mut buffer), address).await,
            Pace::Slow => send_slowly(request.fresh(&mut buffer), address, &stop).await,
        };
        *outcome.0.entry(status.unwrap_or_default()).or_default() += 1;
        tokio::time::sleep(PAUSE).await;
    }
    outcome
}

/// Imports orders, for the attack that queries them.
pub(crate) fn import_orders(address: SocketAddr) {
    let authorization = ("authorization: Basic ", "dG9rZW46c2VjcmV0");
    let text = "a".repeat(900);
    let lines: String = (0..2_000)
        .map(|at| {
            format!(
                "{{\"id\":\"{at}\",\"status\":\"placed\",\"placed_at\":\"2021-01-01T00:00:00Z\",\"current_date\":\"2021-01-01T00:00:00Z\",\"reference\":\"{text}\"}}\n"
            )
        })
        .collect();
    let head = format!("{}{}\r\n", authorization.0, authorization.1);
    let response = exchange(address, &attacks::post("/import/orders", &head, &lines));
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

fn access_token(address: SocketAddr) -> String {
    let form = "grant_type=client_credentials&client_id=token&client_secret=secret";
    let response = exchange(address, &attacks::post("/oauth/token", "content-type: application/x-www-form-urlencoded\r\n", form));
    let token = response.split_once("\"access_token\":\"").and_then(|(_, rest)| rest.split_once('"'));
    token.expect("an access token").0.to_owned()
}

fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut connection = std::net::TcpStream::connect(address).expect("a connection");
    connection.write_all(request).expect("a request");
    let mut response = String::new();
    connection.read_to_string(&mut response).expect("a response");
    response
}

/// Sends a request on a connection of its own; returns the status of the response.
async fn send(request: &[u8], address: SocketAddr) -> Option<u16> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    // A server may respond, and close, before it has read everything.
    let _ = connection.write_all(request).await;
    let mut response = Vec::new();
    let read = connection.read_to_end(&mut response);
    let _ = tokio::time::timeout(RESPONSE_TIMEOUT, read).await;
    std::str::from_utf8(response.get(9..12)?).ok()?.parse().ok()
}

/// Sends the head at once, then one byte at a time, until the server closes the connection or the attack ends.
async fn send_slowly(request: &[u8], address: SocketAddr, stop: &AtomicBool) -> Option<u16> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    let body = request.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    let (head, body) = request.split_at(body);
    connection.write_all(head).await.ok()?;
    for byte in body.chunks(1) {
        if stop.load(Relaxed) {
            return None;
        }
        connection.write_all(byte).await.ok()?;
        tokio::time::sleep(SLOW_INTERVAL).await;
    }
    None
}
