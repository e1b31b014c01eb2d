//! Connections: their number, their encryption, and the timeouts of each.
//!
//! A connection is closed if its client sends no request head in time, or does not read the response in time. Over the limit, a
//! connection gets a fixed 503 response without being parsed. One address may hold half of all connections, so that it cannot keep out the
//! others.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutWriter;
use tower_service::Service;

use crate::config::LimitFlags;
use crate::http::context::Peer;
use crate::http::path;
use crate::http::server::tls::Tls;
use crate::limits::client_key::ClientKey;
use crate::limits::pool::{Lease, Pool};
use crate::telemetry::Telemetry;

/// The most requests that one HTTP/2 connection sends at the same time.
const MAX_STREAMS: u32 = 100;

/// The largest request head, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The delay before the next `accept` after the system ran out of file descriptors, and the time that a rejected connection may take.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The least share of one address. A smaller limit of all connections is for one program or a test.
const MIN_SHARE: usize = 64;

/// The response to a connection over the limit. Pages of any origin may read it.
const BUSY_RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: application/json\r\n\
access-control-allow-origin: *\r\naccess-control-expose-headers: Retry-After\r\ncache-control: no-store\r\nconnection: close\r\n\
content-length: 74\r\n\r\n{\"error\":{\"code\":\"too_many_connections\",\"message\":\"too many connections\"}}";

/// Accepts connections and serves their requests.
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    tls: Option<Arc<Tls>>,
    header_timeout: Duration,
    send_timeout: Duration,
    slots: Arc<Pool<ClientKey>>,
    telemetry: Arc<Telemetry>,
    graceful: GracefulShutdown,
}

impl Connections {
    /// Serves `router`, encrypted if there is a certificate.
    pub(super) fn new(router: Router, tls: Option<Tls>, limits: &LimitFlags, telemetry: Arc<Telemetry>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(MAX_HEAD_BYTES);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD_BYTES as u32);
        // A client that no longer answers is disconnected.
        http2.keep_alive_interval(limits.header_timeout).keep_alive_timeout(limits.header_timeout);
        let total = max_connections(limits.max_connections) as usize;
        // Behind a trusted proxy all connections come from the proxy.
        let share = if limits.trust_proxy > 0 { total } else { (total / 2).max(MIN_SHARE) };
        let slots = Pool::new(total, share);
        let (tls, graceful) = (tls.map(Arc::new), GracefulShutdown::new());
        let (header_timeout, send_timeout) = (limits.header_timeout, limits.send_timeout);
        Self { router, http, http2, tls, header_timeout, send_timeout, slots, telemetry, graceful }
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
        match self.slots.take(ClientKey::of(peer.ip()), 1) {
            Some(slot) => self.serve_connection(stream, peer.ip(), slot),
            None => {
                self.telemetry.connection_rejected();
                tokio::spawn(reject(stream));
            }
        }
    }

    fn serve_connection(&self, stream: TcpStream, peer: IpAddr, slot: Lease<ClientKey>) {
        let router = self.router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            add_host(&mut request);
            if let Some(uri) = path::normalised(request.uri()) {
                *request.uri_mut() = uri;
            }
            router.clone().call(request)
        });
        // The timeout runs only while a write waits for the client, and restarts with every byte that the client reads.
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(self.send_timeout));
        let stream = Box::pin(stream);
        let (http, http2, watcher) = (self.http.clone(), self.http2.clone(), self.graceful.watcher());
        let (tls, header_timeout, guard) = (self.tls.clone(), self.header_timeout, self.telemetry.connected());
        tokio::spawn(async move {
            // Errors of a connection or a handshake are caused by clients and not logged.
            match tls {
                None => drop(watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await),
                Some(tls) => match timeout(header_timeout, tls.accept(stream)).await {
                    Ok(Ok((stream, true))) => drop(watcher.watch(http2.serve_connection(TokioIo::new(stream), service)).await),
                    Ok(Ok((stream, false))) => drop(watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await),
                    Ok(Err(_)) | Err(_) => {}
                },
            }
            drop((slot, guard));
        });
    }
}

/// Adds the header `Host` to a request of HTTP/2, which has the host in its URL.
fn add_host(request: &mut Request<Body>) {
    let host = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let (Some(host), false) = (host, request.headers().contains_key(header::HOST)) {
        request.headers_mut().insert(header::HOST, host);
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
    let _ = timeout(ACCEPT_RETRY_DELAY, respond).await;
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
