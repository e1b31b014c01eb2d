//! Measures what a normal load notices of hostile senders, and how much memory they make the server use.
//!
//! The server runs in its own process, so its peak of memory is its own. First the normal load runs alone, then beside each attack of
//! `abuse/attacks.rs`, each time on a new server, so that no attack pays for another. The senders have the public token or none; one attack
//! has an analyst's access token. Run with
//! `cargo run --release -p tillroll-collector --example abuse -- [SECONDS] [NAME]`; NAME selects the attacks whose names contain it.

#[path = "abuse/attacks.rs"]
mod attacks;
#[path = "bench/load.rs"]
#[expect(dead_code, reason = "the rate of a fixed load is not compared")]
mod load;
#[path = "abuse/person.rs"]
mod person;
#[path = "abuse/sender.rs"]
mod sender;
#[path = "bench/server_process.rs"]
#[expect(dead_code, reason = "servers are not paused here")]
mod server_process;

use std::time::Duration;

use load::Load;
use server_process::ServerProcess;
use tokio::runtime::{Builder, Runtime};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the normal load runs before it is measured: the first requests of a server open its connections and fill its caches.
const WARM_UP: Duration = Duration::from_secs(1);

/// The normal load: requests a second with one event each, and their connections.
const NORMAL_RATE: f64 = 200.0;
const NORMAL_CONNECTIONS: u64 = 16;

/// The greatest p99 of the normal load under attack, as a multiple of that without one.
const MAX_RATIO: f64 = 2.0;

/// Ratios count from here, in milliseconds: on the reference machine, two cores and a shared disk, the p99 of the load alone was between 0.9 and
/// 5.1 ms in ten of eleven runs, and 17.4 ms in the other one. A ratio to a long p99 of the load alone means nothing: repeat such a run.
const MIN_P99_MS: f64 = 5.0;

/// The rows of docs/operations.md#size that have a fixed amount, in MB: caches, waiting events, and bodies of both kinds of senders.
const FIXED_MEMORY_MB: f64 = 96.0 + 64.0 + 256.0 + 32.0;

/// The row of connections, for the connections of an attack, in MB.
const CONNECTIONS_MEMORY_MB: f64 = 1_100.0 * 80.0 / 1024.0;

/// The row of the work on bodies, in MB for every two processors: ten times the largest body.
const WORK_MEMORY_MB: f64 = 50.0;

/// The row of the analytics engine, in MB: its memory, and changes that it is about to apply.
const ANALYTICS_MEMORY_MB: u32 = 256;
const CHANGES_MEMORY_MB: f64 = 64.0;

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "serve") {
        return server_process::serve(&words);
    }
    let length = words.first().and_then(|word| word.parse().ok()).map(Duration::from_secs);
    if length.is_some() {
        words.remove(0);
    }
    let length = length.unwrap_or(Duration::from_secs(8));
    let name = words.first().map_or("", String::as_str);
    let clients = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    raise_file_limit();
    let quiet = measure(&clients, &start_server(&clients), length);
    println!("normal load: {NORMAL_RATE} events a second, one a request, over {NORMAL_CONNECTIONS} connections");
    println!("  {:44} p50 {:6.1} ms   p99 {:6.1} ms   peak {:5.0} MB", "alone", quiet.p50, quiet.p99, quiet.peak_mb);
    let [first, last] = person::measure(start_server(&clients).address);
    println!("events of one person, p50: the first {first:.1} ms, the thousandth {last:.1} ms, {:.1} times", last / first);
    let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    // What the server uses without an attack contains the program itself.
    let rows_mb = FIXED_MEMORY_MB
        + CONNECTIONS_MEMORY_MB
        + WORK_MEMORY_MB * (processors / 2.0).ceil()
        + f64::from(ANALYTICS_MEMORY_MB)
        + CHANGES_MEMORY_MB;
    let bound_mb = quiet.peak_mb + rows_mb;
    let mut worst = Worst::default();
    for attack in attacks::all().iter().filter(|attack| attack.name.contains(name)) {
        let server = start_server(&clients);
        let running = sender::start(attack, server.address);
        let measured = measure(&clients, &server, length);
        let outcome = running.stop();
        let ratio = measured.p99 / quiet.p99.max(MIN_P99_MS);
        println!(
            "  {:44} p50 {:6.1} ms   p99 {:6.1} ms   peak {:5.0} MB   ratio {ratio:5.2}   failed {}   {outcome}",
            attack.name, measured.p50, measured.p99, measured.peak_mb, measured.failed
        );
        worst.add(attack.name, ratio, measured.peak_mb);
    }
    worst.print(bound_mb);
}

/// Slow senders hold many connections.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}

/// Starts a server with orders to query, and warms it up.
fn start_server(clients: &Runtime) -> ServerProcess {
    let server = ServerProcess::collector(&["--analytics-memory", &ANALYTICS_MEMORY_MB.to_string()]);
    sender::import_orders(server.address);
    normal_load(WARM_UP).on(clients, &[server.address]);
    server
}

fn normal_load(length: Duration) -> Load {
    Load { events: 1, connections: NORMAL_CONNECTIONS, length, rate: Some(NORMAL_RATE) }
}

/// What the normal load noticed.
struct Measured {
    p50: f64,
    p99: f64,
    failed: usize,
    peak_mb: f64,
}

fn measure(clients: &Runtime, server: &ServerProcess, length: Duration) -> Measured {
    server.reset_peak();
    let mut answered = normal_load(length).on(clients, &[server.address]);
    answered.micros.sort_unstable();
    let within = |hundredths: usize| {
        let micros = answered.micros.get(answered.micros.len() * hundredths / 100);
        micros.map_or(f64::INFINITY, |micros| f64::from(*micros) / 1_000.0)
    };
    Measured { p50: within(50), p99: within(99), failed: answered.failed, peak_mb: server.peak_mb() }
}

/// The worst figures of all attacks.
#[derive(Default)]
struct Worst {
    ratio: (f64, &'static str),
    peak: (f64, &'static str),
}

impl Worst {
    fn add(&mut self, name: &'static str, ratio: f64, peak_mb: f64) {
        if ratio > self.ratio.0 {
            self.ratio = (ratio, name);
        }
        if peak_mb > self.peak.0 {
            self.peak = (peak_mb, name);
        }
    }

    fn print(&self, bound_mb: f64) {
        let verdict = |is_within| if is_within { "within" } else { "ABOVE" };
        let ((ratio, slowest), (peak, largest)) = (self.ratio, self.peak);
        println!("worst p99: {ratio:.2} times that of the load alone ({slowest}); {} {MAX_RATIO}", verdict(ratio <= MAX_RATIO));
        println!("worst peak of memory: {peak:.0} MB ({largest}); {} the documented {bound_mb:.0} MB", verdict(peak <= bound_mb));
    }
}
