//! Connections: how many there are, and how long each may keep us waiting.
//!
//! A client that says nothing, says it a byte at a time, or takes nothing of its answer is let go. One that finds no free connection is
//! told so in a word, and costs nothing more.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower_service::Service;

use crate::config::LimitFlags;
use crate::http::server::write_timeout::WriteTimeoutStream;
use crate::telemetry::Telemetry;

/// The most that a request may say before its body, in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// How long to wait when the system has no more files to give.
const BREATH: Duration = Duration::from_millis(100);

/// What is said to one connection too many. Pages of any origin may read it.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: application/json\r\n\
access-control-allow-origin: *\r\naccess-control-expose-headers: Retry-After\r\ncache-control: no-store\r\nconnection: close\r\n\
content-length: 74\r\n\r\n{\"error\":{\"code\":\"too_many_connections\",\"message\":\"too many connections\"}}";

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Takes connections and answers them.
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
    send_timeout: Duration,
    turns: Arc<Semaphore>,
    telemetry: Arc<Telemetry>,
    graceful: GracefulShutdown,
}

impl Connections {
    pub(super) fn new(router: Router, bounds: &LimitFlags, telemetry: Arc<Telemetry>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(bounds.header_timeout).max_buf_size(HEAD_BYTES);
        let most = most_connections(bounds.max_connections);
        let turns = Arc::new(Semaphore::new(most as usize));
        Self { router, http, send_timeout: bounds.send_timeout, turns, telemetry, graceful: GracefulShutdown::new() }
    }

    /// Takes connections until `closing` is true, and returns when all of them are answered.
    pub(super) async fn serve(self, listener: TcpListener, mut closing: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.take(stream, peer),
                    Err(error) if is_of_one(&error) => {}
                    Err(error) => {
                        tracing::error!(%error, "cannot take a connection");
                        tokio::time::sleep(BREATH).await;
                    }
                },
                () = closed(&mut closing) => break,
            }
        }
        drop(listener);
        self.graceful.shutdown().await;
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        // Small answers must not wait for the client to acknowledge earlier ones.
        let _ = stream.set_nodelay(true);
        match Arc::clone(&self.turns).try_acquire_owned() {
            Ok(turn) => self.answer(stream, peer.ip(), turn),
            Err(_) => {
                self.telemetry.turned_away();
                tokio::spawn(refuse(stream));
            }
        }
    }

    fn answer(&self, stream: TcpStream, peer: IpAddr, turn: OwnedSemaphorePermit) {
        let router = self.router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            router.clone().call(request)
        });
        let connection = self.http.serve_connection(TokioIo::new(WriteTimeoutStream::new(stream, self.send_timeout)), service);
        let connection = self.graceful.watch(connection);
        let open = self.telemetry.connected();
        tokio::spawn(async move {
            // How it ends is the client's affair.
            let _ = connection.await;
            drop((turn, open));
        });
    }
}

/// Returns once the server is about to stop.
pub(super) async fn closed(closing: &mut watch::Receiver<bool>) {
    // Who said so may be gone since.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// What was said is read first, a little of it and not for long: who is cut off while sending never hears the answer.
async fn refuse(mut stream: TcpStream) {
    let polite = async {
        stream.readable().await?;
        let _ = stream.try_read(&mut [0; 4096]);
        stream.write_all(FULL).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(BREATH, polite).await;
}

/// A connection that broke before it was taken says nothing about the next one.
fn is_of_one(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Asks the system for as many files as that takes, and settles for as many as it gives.
#[cfg(unix)]
fn most_connections(wanted: u32) -> u32 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Files that are no connections.
    const OTHERS: u64 = 128;
    let needed = u64::from(wanted) + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < needed) else { return wanted };
    let possible = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: limit.maximum });
    let got = if raised.is_ok() { possible } else { current };
    let most = u32::try_from(got.saturating_sub(OTHERS)).unwrap_or(wanted).clamp(1, wanted);
    if most < wanted {
        tracing::warn!(wanted, most, "the system allows fewer connections; raise its limit of open files, or say --max-connections");
    }
    most
}

#[cfg(not(unix))]
fn most_connections(wanted: u32) -> u32 {
    wanted
}

#[cfg(test)]
mod tests {
    use super::FULL;

    #[test]
    fn what_is_said_to_one_too_many_is_whole() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
