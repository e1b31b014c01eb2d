//! Compares the throughput of the collector with that of a bare server on the same machine and disk.
//!
//! The bare server is axum with the same group commit. The collector also decodes, deduplicates and links every event. The servers take
//! turns of a second; while one is measured the other is stopped, so that nothing that it does later, such as bringing its projection up to
//! date, is charged to the one that is measured. Each turn of the collector is compared with the turn of the bare server before it, and the
//! result is the median of these ratios: what else the machine and its disk do changes from one second to the next. Latencies are medians of
//! the turns too. Run with
//! `cargo run --release -p tillroll-collector --example bench -- [ROUNDS] [CONNECTIONS]`, or with `-- soak [EVENTS]` for the memory that it
//! takes to store ten million events.

#[path = "bench/floor.rs"]
mod floor;
#[path = "bench/load.rs"]
mod load;
#[path = "bench/server_process.rs"]
#[expect(dead_code, reason = "peaks of memory are not measured here")]
mod server_process;

use std::time::Duration;

use load::Load;
use server_process::ServerProcess;
use tokio::runtime::{Builder, Runtime};

/// The program's own, for the floor as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a turn is.
const TURN: Duration = Duration::from_secs(1);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).map(|text| text.parse::<u64>().expect("a number"));
    match words.first().map(String::as_str) {
        Some("serve") => server_process::serve(&words),
        Some("floor") => floor::serve(words.get(1).expect("a path").as_ref()),
        Some("soak") => soak(number(1).unwrap_or(10_000_000)),
        _ => compare(number(0).unwrap_or(9), number(1).unwrap_or(64)),
    }
}

fn compare(rounds: u64, connections: u64) {
    let clients = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let servers = [("bare axum", ServerProcess::start(&["floor"])), ("collector", ServerProcess::collector(&[]))];
    servers.iter().for_each(|(_, server)| server.pause());
    for events in [1, 50] {
        let saturated = Load { events, connections, length: TURN, rate: None };
        // The first turns fill caches and files.
        in_turn(&clients, &servers, 1, saturated);
        let measured = in_turn(&clients, &servers, rounds, saturated);
        println!("{events} event(s) a request, as fast as they are answered:");
        measured.iter().for_each(Measured::print);
        let [floor, ours] = &measured;
        let mut ratios: Vec<f64> = floor.rates.iter().zip(&ours.rates).map(|(floor, ours)| ours / floor).collect();
        let ratio = median(&mut ratios);
        let (least, most) = (ratios.first().unwrap_or(&ratio), ratios.last().unwrap_or(&ratio));
        let by_time = floor.cost() / ours.cost();
        println!("  ratio      {ratio:9.2} ({least:.2} to {most:.2} in {rounds} rounds) {by_time:19.2} by processor time of the server");
        let half = Load { rate: Some(ours.rate() / 2.0), ..saturated };
        println!("{events} event(s) a request, at half the collector's rate:");
        in_turn(&clients, &servers, rounds, half).iter().for_each(Measured::print);
    }
}

/// What was measured of a server, turn by turn.
struct Measured {
    name: &'static str,
    events: u64,
    /// Requests a second.
    rates: Vec<f64>,
    /// Microseconds of the server's processor time a request.
    costs: Vec<f64>,
    /// The latencies of each turn in microseconds, sorted.
    turns: Vec<Vec<u32>>,
}

fn in_turn(runtime: &Runtime, servers: &[(&'static str, ServerProcess); 2], rounds: u64, load: Load) -> [Measured; 2] {
    let mut all =
        [0, 1].map(|at: usize| Measured { name: servers[at].0, events: load.events, rates: vec![], costs: vec![], turns: vec![] });
    for _ in 0..rounds {
        for (measured, (_, server)) in all.iter_mut().zip(servers) {
            measured.add_turn(runtime, server, load);
        }
    }
    all
}

impl Measured {
    fn add_turn(&mut self, runtime: &Runtime, server: &ServerProcess, load: Load) {
        server.resume();
        let before = server.processor_micros();
        let mut answered = load.on(runtime, &[server.address]);
        let micros = server.processor_micros() - before;
        server.pause();
        assert_eq!(answered.failed, 0, "a request failed");
        self.rates.push(answered.rate);
        self.costs.push(micros / answered.micros.len().max(1) as f64);
        answered.micros.sort_unstable();
        self.turns.push(answered.micros);
    }

    fn rate(&self) -> f64 {
        median(&mut self.rates.clone())
    }

    fn cost(&self) -> f64 {
        median(&mut self.costs.clone())
    }

    /// A percentile of the response times of a turn, in milliseconds: least, median and greatest of all turns.
    fn within(&self, hundredths: usize) -> [f64; 3] {
        let of_turn = |micros: &Vec<u32>| micros.get(micros.len() * hundredths / 100).map_or(0.0, |micros| f64::from(*micros) / 1_000.0);
        let mut turns: Vec<f64> = self.turns.iter().map(of_turn).collect();
        let middle = median(&mut turns);
        [turns.first().copied().unwrap_or(middle), middle, turns.last().copied().unwrap_or(middle)]
    }

    fn print(&self) {
        let (rate, cost) = (self.rate(), self.cost());
        print!("  {:10} {rate:9.0} requests/s {:10.0} events/s {cost:8.0} µs of processor a request", self.name, rate * self.events as f64);
        let ([_, p50, _], [least, p99, most]) = (self.within(50), self.within(99));
        println!("   p50 {p50:7.2} ms   p99 {p99:7.2} ms ({least:.2} to {most:.2})");
    }
}

/// Sorts the figures and returns the middle one.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Stores this many events in batches of fifty, and prints what memory the collector holds meanwhile.
fn soak(events: u64) {
    let clients = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let server = ServerProcess::collector(&[]);
    let (mut stored, mut next) = (0.0, 0.0);
    while stored < events as f64 {
        let load = Load { events: 50, connections: 64, length: TURN, rate: None };
        stored += load.on(&clients, &[server.address]).micros.len() as f64 * 50.0;
        if stored >= next {
            println!("{stored:12.0} events {:8.0} MB", server.resident_mb());
            next = stored + events as f64 / 10.0;
        }
    }
}
