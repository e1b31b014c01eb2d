//! Connections: their number, and the timeouts of each.
//!
//! A connection is closed if its client sends no request head in time, or does not read the response in time. Over the limit, a
//! connection gets a fixed 503 response without being parsed.

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
use tokio_io_timeout::TimeoutWriter;
use tower_service::Service;

use crate::config::LimitFlags;
use crate::http::context::Peer;
use crate::telemetry::Telemetry;

/// The largest request head, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The delay before the next `accept` after the system ran out of file descriptors, and the time that a rejected connection may take.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The response to a connection over the limit. Pages of any origin may read it.
const BUSY_RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: application/json\r\n\
access-control-allow-origin: *\r\naccess-control-expose-headers: Retry-After\r\ncache-control: no-store\r\nconnection: close\r\n\
content-length: 74\r\n\r\n{\"error\":{\"code\":\"too_many_connections\",\"message\":\"too many connections\"}}";

/// Accepts connections and serves their requests.
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
    send_timeout: Duration,
    permits: Arc<Semaphore>,
    telemetry: Arc<Telemetry>,
    graceful: GracefulShutdown,
}

impl Connections {
    pub(super) fn new(router: Router, limits: &LimitFlags, telemetry: Arc<Telemetry>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(MAX_HEAD_BYTES);
        let permits = Arc::new(Semaphore::new(max_connections(limits.max_connections) as usize));
        Self { router, http, send_timeout: limits.send_timeout, permits, telemetry, graceful: GracefulShutdown::new() }
    }

    /// Accepts connections until `closing` is true, and returns when all requests are answered.
    pub(super) async fn serve(self, listener: TcpListener, mut closing: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer),
                    Err(error) if is_connection_error(&error) => {}
                    Err(error) => {
                        tracing::error!(%error, "cannot accept connections");
                        tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    }
                },
                () = closed(&mut closing) => break,
            }
        }
        drop(listener);
        self.graceful.shutdown().await;
    }

    fn accept(&self, stream: TcpStream, peer: SocketAddr) {
        // Without TCP_NODELAY a small response would wait for the client's acknowledgement of an earlier one.
        let _ = stream.set_nodelay(true);
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => self.serve_connection(stream, peer.ip(), permit),
            Err(_) => {
                self.telemetry.connection_rejected();
                tokio::spawn(reject(stream));
            }
        }
    }

    fn serve_connection(&self, stream: TcpStream, peer: IpAddr, permit: OwnedSemaphorePermit) {
        let router = self.router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            router.clone().call(request)
        });
        // The timeout runs only while a write waits for the client, and restarts with every byte that the client reads.
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(self.send_timeout));
        let connection = self.http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = self.graceful.watch(connection);
        let guard = self.telemetry.connected();
        tokio::spawn(async move {
            // Connection errors are caused by clients and not logged.
            let _ = connection.await;
            drop((permit, guard));
        });
    }
}

/// Returns once the server is about to stop.
pub(super) async fn closed(closing: &mut watch::Receiver<bool>) {
    // The sender may be gone already; then the server has stopped.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Reads a little of the request first. A client whose connection is reset while it is sending would not read the response.
async fn reject(mut stream: TcpStream) {
    let respond = async {
        stream.readable().await?;
        let _ = stream.try_read(&mut [0; 4096]);
        stream.write_all(BUSY_RESPONSE).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(ACCEPT_RETRY_DELAY, respond).await;
}

/// Returns whether an error of `accept` concerns one connection only and the next one can be accepted.
fn is_connection_error(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Raises the limit of open files to what `wanted` connections need, and returns how many connections the limit allows.
#[cfg(unix)]
fn max_connections(wanted: u32) -> u32 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// File descriptors that are not connections.
    const OTHER_FILES: u64 = 128;
    let needed = u64::from(wanted) + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < needed) else { return wanted };
    let possible = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let is_raised = setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: limit.maximum }).is_ok();
    let files = if is_raised { possible } else { current };
    let allowed = u32::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(wanted).clamp(1, wanted);
    if allowed < wanted {
        tracing::warn!(wanted, allowed, "the system allows fewer connections; raise its limit of open files or lower --max-connections");
    }
    allowed
}

#[cfg(not(unix))]
fn max_connections(wanted: u32) -> u32 {
    wanted
}

#[cfg(test)]
mod tests {
    use super::BUSY_RESPONSE;

    #[test]
    fn the_busy_response_has_the_right_length_and_json() {
        let text = std::str::from_utf8(BUSY_RESPONSE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
