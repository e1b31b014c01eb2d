//! Compares the throughput of the collector with that of a bare server, measured in turn on the same machine and disk.
//!
//! The bare server is axum with the same group commit: it appends request bodies to a file with one fsync for all waiting requests. The
//! collector also decodes, deduplicates and links every event. Client and server share the process, so the processor time is that of
//! both; unlike the rates it hardly depends on other load. Run with
//! `cargo run --release -p tillroll-collector --example bench -- [SECONDS] [ROUNDS] [CONNECTIONS]`, or with `-- soak [EVENTS]` for the
//! memory that it takes to store ten million events.

#[path = "bench/load.rs"]
mod load;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use clap::Parser;
use load::Load;
use tillroll_collector::cli::{Cli, Command};
use tillroll_collector::clock::Clock;
use tillroll_collector::http::server::Server;
use tillroll_collector::store::Options;
use tokio::net::TcpListener;
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
    let clients = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let targets = [("bare axum", floor(&server, folder.path())), ("collector", collector(&server, folder.path()))];
    for events in [1, 50] {
        let saturated = Load { events, connections, length, rate: None };
        let [floor, ours] = in_turn(&clients, targets, rounds, saturated);
        println!("{events} event(s) a request, as fast as they are answered:");
        floor.print();
        ours.print();
        println!("  ratio      {:9.2} {:43.2} by processor time", ours.rate() / floor.rate(), floor.cost() / ours.cost());
        let half = Load { rate: Some(ours.rate() / 2.0), ..saturated };
        println!("{events} event(s) a request, at half the collector's rate:");
        in_turn(&clients, targets, 1, half).iter().for_each(Measured::print);
    }
}

/// What was measured of a server, round by round.
struct Measured {
    name: &'static str,
    events: u64,
    rates: Vec<f64>,
    costs: Vec<f64>,
    micros: Vec<u32>,
}

/// The servers take turns, so that whatever else the machine does meets both.
fn in_turn(runtime: &Runtime, targets: [(&'static str, SocketAddr); 2], rounds: u64, load: Load) -> [Measured; 2] {
    let mut all = targets.map(|(name, _)| Measured { name, events: load.events, rates: vec![], costs: vec![], micros: vec![] });
    for _ in 0..rounds {
        for (measured, (_, address)) in all.iter_mut().zip(targets) {
            let before = system_figure("/proc/self/stat", ticks);
            let mut answered = load.on(runtime, &[address]);
            assert_eq!(answered.failed, 0, "a request failed");
            let ticks = system_figure("/proc/self/stat", ticks) - before;
            measured.rates.push(answered.rate);
            measured.costs.push(ticks * 10_000.0 / answered.micros.len().max(1) as f64);
            measured.micros.append(&mut answered.micros);
        }
    }
    all.iter_mut().for_each(|measured| measured.micros.sort_unstable());
    all
}

impl Measured {
    fn rate(&self) -> f64 {
        median(&self.rates)
    }

    /// Microseconds of processor time a request.
    fn cost(&self) -> f64 {
        median(&self.costs)
    }

    /// The time within which so many of a hundred requests were answered, in milliseconds.
    fn within(&self, hundredths: usize) -> f64 {
        let at = self.micros.len() * hundredths / 100;
        self.micros.get(at).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    }

    fn print(&self) {
        let (rate, cost) = (self.rate(), self.cost());
        print!("  {:10} {rate:9.0} requests/s {:10.0} events/s {cost:8.0} µs of processor a request", self.name, rate * self.events as f64);
        println!("   p50 {:7.2} ms   p99 {:7.2} ms", self.within(50), self.within(99));
    }
}

/// Stores so many events in batches of fifty, and prints what memory the process holds meanwhile.
fn soak(events: u64) {
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk");
    let server = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let clients = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let address = collector(&server, folder.path());
    let (mut stored, mut next) = (0.0, 0.0);
    while stored < events as f64 {
        let load = Load { events: 50, connections: 64, length: Duration::from_secs(1), rate: None };
        stored += load.on(&clients, &[address]).micros.len() as f64 * 50.0;
        if stored >= next {
            println!("{stored:12.0} events {:8.0} MB", system_figure("/proc/self/status", resident));
            next = stored + events as f64 / 10.0;
        }
    }
}

/// Returns a figure that only some systems report, or 0.
fn system_figure(path: &str, find: fn(&str) -> Option<f64>) -> f64 {
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

fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
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
