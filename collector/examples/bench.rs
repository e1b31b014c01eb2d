//! How much of a bare server the collector keeps: ratios of one run, alternately measured on the same machine and disk.
//!
//! The floor is axum with the same group commit, appending request bodies to a file with one fsync for all that wait. The collector does
//! the same and also reads every event, keeps each id once, and knows who is who. Client and server share the process, so the processor
//! time is that of both; unlike the rates it is much the same on a busy machine. Run with
//! `cargo run --release -p tillroll-collector --example bench -- [SECONDS] [ROUNDS] [CONNECTIONS]`, or with `-- soak [EVENTS]` for the
//! memory that it takes to store ten million events.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use clap::Parser;
use tillroll_collector::clock::{Clock, Stopwatch};
use tillroll_collector::config::{Cli, Command};
use tillroll_collector::server::Server;
use tillroll_collector::store::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

/// The program's own, for the floor as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Waiting = (Bytes, oneshot::Sender<()>);

fn main() {
    let mut words = std::env::args().skip(1).peekable();
    let is_soak = words.next_if(|word| word == "soak").is_some();
    let mut arguments = words.map(|text| text.parse::<u64>().expect("a number"));
    if is_soak {
        return soak(arguments.next().unwrap_or(10_000_000));
    }
    let length = Duration::from_secs(arguments.next().unwrap_or(3));
    let rounds = arguments.next().unwrap_or(3);
    let connections = arguments.next().unwrap_or(64);
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk that is to be measured");
    let server = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let load = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let targets = [("bare axum", floor(&server, folder.path())), ("collector", collector(&server, folder.path()))];
    for events in [1, 50] {
        let (mut rates, mut costs) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for _ in 0..rounds {
            for (at, (_, address)) in targets.iter().enumerate() {
                let before = told_by_system("/proc/self/stat", ticks);
                let rate = measure(&load, *address, events, connections, length);
                let ticks = told_by_system("/proc/self/stat", ticks) - before;
                rates[at].push(rate);
                costs[at].push(ticks * 10_000.0 / (rate * length.as_secs_f64()));
            }
        }
        report(events, targets.map(|(name, _)| name), rates.map(median), costs.map(median));
    }
}

fn report(events: u64, names: [&str; 2], rates: [f64; 2], costs: [f64; 2]) {
    println!("{events} event(s) a request:");
    for ((name, rate), cost) in names.iter().zip(rates).zip(costs) {
        println!("  {name:10} {rate:9.0} requests/s {:10.0} events/s {cost:8.0} µs of processor a request", rate * events as f64);
    }
    println!("  ratio      {:9.2} {:43.2} by processor time", rates[1] / rates[0], costs[0] / costs[1]);
}

/// Stores so many events in batches of fifty, and prints what memory the process holds meanwhile.
fn soak(events: u64) {
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk");
    let server = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let load = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let address = collector(&server, folder.path());
    let (mut stored, mut next) = (0.0, 0.0);
    while stored < events as f64 {
        stored += measure(&load, address, 50, 64, Duration::from_secs(1)) * 50.0;
        if stored >= next {
            println!("{stored:12.0} events {:8.0} MB", told_by_system("/proc/self/status", resident));
            next = stored + events as f64 / 10.0;
        }
    }
}

/// Reads a figure that only some systems tell; 0 where it is not told.
fn told_by_system(path: &str, find: fn(&str) -> Option<f64>) -> f64 {
    std::fs::read_to_string(path).ok().and_then(|text| find(&text)).unwrap_or_default()
}

/// The processor time of the process, in hundredths of a second.
fn ticks(text: &str) -> Option<f64> {
    let after_name = text.rsplit_once(')')?.1;
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().ok()).sum()
}

/// The memory that the process holds, in MB.
fn resident(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn collector(runtime: &Runtime, folder: &Path) -> SocketAddr {
    let data = folder.join("data");
    let data = data.to_str().expect("a path of text");
    let Command::Serve(flags) =
        Cli::parse_from(["tillroll", "serve", "--listen", "127.0.0.1:0", "--data", data, "--project", "token:secret"]).command
    else {
        panic!("these are the flags of serve");
    };
    let server = runtime.block_on(Server::open(&flags, Options::default(), Clock::SYSTEM)).expect("a server");
    let address = server.address().expect("an address");
    runtime.spawn(server.run(std::future::pending()));
    address
}

fn floor(runtime: &Runtime, folder: &Path) -> SocketAddr {
    let mut file = File::create(folder.join("floor")).expect("a file");
    let (sender, mut waiting) = mpsc::channel::<Waiting>(8192);
    std::thread::spawn(move || {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            while let Ok(next) = waiting.try_recv() {
                group.push(next);
            }
            let bodies: Vec<&[u8]> = group.iter().map(|(body, _)| &body[..]).collect();
            file.write_all(&bodies.concat()).and_then(|()| file.sync_data()).expect("a disk");
            for (_, answer) in group {
                let _ = answer.send(());
            }
        }
    });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new().route("/v2/batch", post(append)).with_state(sender);
    runtime.spawn(async move { axum::serve(listener, app).await });
    address
}

async fn append(State(sender): State<mpsc::Sender<Waiting>>, body: Bytes) -> StatusCode {
    let (answer, stored) = oneshot::channel();
    match (sender.send((body, answer)).await, stored.await) {
        (Ok(()), Ok(())) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Returns the requests that were answered in a second.
fn measure(load: &Runtime, address: SocketAddr, events: u64, connections: u64, length: Duration) -> f64 {
    let answered = Arc::new(AtomicU64::new(0));
    let watch = Stopwatch::start();
    load.block_on(async {
        let senders: Vec<_> = (0..connections).map(|_| tokio::spawn(send(address, events, watch, length, Arc::clone(&answered)))).collect();
        for sender in senders {
            sender.await.expect("a sender");
        }
    });
    answered.load(Relaxed) as f64 / watch.elapsed().as_secs_f64()
}

async fn send(address: SocketAddr, events: u64, watch: Stopwatch, length: Duration, answered: Arc<AtomicU64>) {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.set_nodelay(true).expect("a socket");
    let mut request = Request::new(events);
    let mut answer = Vec::with_capacity(1024);
    while watch.elapsed() < length {
        connection.write_all(request.fresh()).await.expect("a request");
        answer.clear();
        while !is_whole(&answer) {
            assert_ne!(connection.read_buf(&mut answer).await.expect("an answer"), 0, "the connection was closed");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        answered.fetch_add(1, Relaxed);
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse::<usize>().ok());
    answer.len() >= end + 4 + length.unwrap_or(0)
}

/// The text of a request, and where the ids of its events stand in it.
struct Request {
    text: Vec<u8>,
    ids: Vec<usize>,
}

const EVENT: &str = r#"{"id":"@","type":"product_view","api":"headless","time":1518004715732,"visitorId":"0123456789abcdef0123456789abcdef0123456789","sessionId":"0123456789abcdef","page":{"url":"https://shop.example/products/a-rather-long-name?utm_source=mail","referrer":"https://shop.example/","title":"A rather long name"},"params":{"product_id":"1234"}}"#;

const BLANK: &str = "00000000-0000-7000-8000-000000000000";

impl Request {
    fn new(events: u64) -> Self {
        let list = vec![EVENT.replace('@', BLANK); events as usize].join(",");
        let body = format!(r#"{{"token":"token","trackingLibraryVersion":"0.1.0","sentAt":1518004715732,"events":[{list}]}}"#);
        let text =
            format!("POST /v2/batch HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let ids = text.match_indices(BLANK).map(|(at, _)| at).collect();
        Self { text: text.into_bytes(), ids }
    }

    /// Ids as a version 7 has them: they begin with the time and end with something like chance.
    fn fresh(&mut self) -> &[u8] {
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
