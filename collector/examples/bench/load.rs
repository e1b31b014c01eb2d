//! The load generator: a number of connections, each sending its next request after the response, and the latency of each request.
//!
//! At a fixed rate each connection has a schedule. The latency of a delayed request counts from its scheduled time, so a server that
//! stalls is also charged for the requests that could not be sent meanwhile (coordinated omission).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tillroll_collector::clock::Stopwatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// What is sent, how often and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// The events of one request.
    pub(crate) events: u64,
    /// How many ask at the same time.
    pub(crate) connections: u64,
    /// How long.
    pub(crate) length: Duration,
    /// How many requests all connections together make in a second; as many as are answered where there is none.
    pub(crate) rate: Option<f64>,
}

/// What came of it.
pub(crate) struct Answered {
    /// Requests answered in a second.
    pub(crate) rate: f64,
    /// How long each took, in microseconds, in no order.
    pub(crate) micros: Vec<u32>,
    /// How many of them did not get status 200.
    pub(crate) failed: usize,
}

impl Load {
    /// Loads the servers at these addresses, each with the same number of connections.
    pub(crate) fn on(self, runtime: &Runtime, addresses: &[SocketAddr]) -> Answered {
        let watch = Stopwatch::start();
        let load = Arc::new(self);
        let (micros, failed) = runtime.block_on(async {
            let connections = (0..self.connections).zip(addresses.iter().cycle());
            let senders: Vec<_> = connections.map(|(at, address)| tokio::spawn(send(Arc::clone(&load), at, *address, watch))).collect();
            let (mut micros, mut failed) = (Vec::new(), 0);
            for sender in senders {
                let mut answered = sender.await.expect("a sender");
                micros.append(&mut answered.0);
                failed += answered.1;
            }
            (micros, failed)
        });
        Answered { rate: micros.len() as f64 / watch.elapsed().as_secs_f64(), micros, failed }
    }

    /// The moment of a connection's request with this number.
    pub(crate) fn due(&self, connection: u64, number: usize) -> Option<Duration> {
        let seconds = (number as f64 * self.connections as f64 + connection as f64) / self.rate?;
        Some(Duration::from_secs_f64(seconds))
    }
}

async fn send(load: Arc<Load>, at: u64, address: SocketAddr, watch: Stopwatch) -> (Vec<u32>, usize) {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.set_nodelay(true).expect("a socket");
    let mut request = Request::new(load.events);
    let mut answer = Vec::with_capacity(1024);
    let (mut micros, mut failed) = (Vec::new(), 0);
    while watch.elapsed() < load.length {
        let begin = begin(load.due(at, micros.len()), watch).await;
        connection.write_all(request.fresh()).await.expect("a request");
        answer.clear();
        while !is_whole(&answer) {
            assert_ne!(connection.read_buf(&mut answer).await.expect("an answer"), 0, "the connection was closed");
        }
        failed += usize::from(!answer.starts_with(b"HTTP/1.1 200"));
        micros.push((watch.elapsed() - begin).as_micros() as u32);
    }
    (micros, failed)
}

/// Waits until a request is due, and returns the moment from which its time counts. Who waited is not blamed for a timer that was late.
pub(crate) async fn begin(due: Option<Duration>, watch: Stopwatch) -> Duration {
    match due {
        Some(due) if due < watch.elapsed() => due,
        Some(due) => {
            tokio::time::sleep(due.saturating_sub(watch.elapsed())).await;
            watch.elapsed()
        }
        None => watch.elapsed(),
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse::<usize>().ok());
    answer.len() >= end + 4 + length.unwrap_or(0)
}

/// The text of a request, and where the ids of its events stand in it.
pub(crate) struct Request {
    text: Vec<u8>,
    ids: Vec<usize>,
}

const EVENT: &str = r#"{"id":"@","type":"product_view","api":"tillroll","time":1518004715732,"visitorId":"0123456789abcdef0123456789abcdef0123456789","sessionId":"0123456789abcdef","page":{"url":"https://shop.example/products/a-rather-long-name?utm_source=mail","referrer":"https://shop.example/","title":"A rather long name"},"params":{"product_id":"1234"}}"#;

const BLANK: &str = "00000000-0000-7000-8000-000000000000";

impl Request {
    pub(crate) fn new(events: u64) -> Self {
        let list = vec![EVENT.replace('@', BLANK); events as usize].join(",");
        let body = format!(r#"{{"token":"token","trackingLibraryVersion":"0.1.0","sentAt":1518004715732,"events":[{list}]}}"#);
        let text =
            format!("POST /v2/batch HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let ids = text.match_indices(BLANK).map(|(at, _)| at).collect();
        Self { text: text.into_bytes(), ids }
    }

    /// Ids as a version 7 has them: they begin with the time and end with something like chance.
    pub(crate) fn fresh(&mut self) -> &[u8] {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let first = NEXT.fetch_add(self.ids.len() as u64, Relaxed);
        for (number, at) in (first..).zip(&self.ids) {
            let (time, chance) = (1_518_004_715_732 + number / 50, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            hex(&mut self.text[*at..at + 8], time >> 16);
            hex(&mut self.text[at + 9..at + 13], time);
            hex(&mut self.text[at + 24..at + 36], chance >> 16);
        }
        &self.text
    }
}

fn hex(out: &mut [u8], number: u64) {
    for (at, digit) in out.iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (4 * at)) as usize & 15];
    }
}
