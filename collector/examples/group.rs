//! Benchmark: the rates of a group of three collectors on this machine, each as a ratio to a control of the same run:
//! `cargo xtask bench cluster`, or `cargo run --release -p tillroll-collector --example group -- TILLROLL NATS_SERVER [SECONDS] [ROUNDS]`.
//!
//! Before each turn of the publisher, the collectors have written to their analytics databases what they got: that would take processors and the
//! disk from it.
//!
//! - Acknowledged events a second through the group, to a bare publisher that sends the same requests to the same servers, each as a message.
//!   And the processor time of the members for each event, which depends less on what else the machine does.
//! - The 99th percentile of the latency while both get half of the requests that the group can take.
//! - Events a second that a node applies which was away, from its start on, to what one collector without a group stores, and to what the group
//!   stored meanwhile.

#[path = "bench/load.rs"]
mod load;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::{self, Context, stream};
use load::{Answered, Load, Request, begin};
use tillroll_cluster::{Collector, Nats, Network, Process, until};
use tillroll_collector::clock::Stopwatch;
use tokio::runtime::{Builder, Runtime};

/// How many requests are on their way at the same time.
const CONNECTIONS: u64 = 64;
const COLLECTORS: usize = 3;
/// The unit of `/proc/PID/stat` on Linux.
const TICKS_A_SECOND: f64 = 100.0;
/// The project of the load.
const PROJECT: (&str, &str) = ("TILLROLL_PROJECTS", "token:secret");
/// The stream and the subject of the bare publisher.
const BARE: &str = "bare";

fn main() {
    let mut words = std::env::args().skip(1);
    let (program, server) = (words.next().expect("the collector"), words.next().expect("the NATS server"));
    let mut numbers = words.map(|text| text.parse::<u64>().expect("a number"));
    let length = Duration::from_secs(numbers.next().unwrap_or(5));
    let rounds = numbers.next().unwrap_or(3);
    let folder = tempfile::tempdir_in(".").expect("a folder on the disk that is to be measured");
    let group = Group::start(Path::new(&program), Path::new(&server), folder.path());
    for events in [1, 50] {
        group.compare_with_publisher(events, length, rounds);
    }
    group.compare_catch_up(Path::new(&program), folder.path(), length);
}

struct Group {
    collectors: Vec<Collector>,
    publisher: Context,
    clients: Runtime,
    nats: Nats,
}

impl Group {
    fn start(program: &Path, server: &Path, folder: &Path) -> Self {
        let nats = Nats::start(server, folder, &Network::direct()).expect("the NATS servers");
        let urls = nats.urls("all", &Network::direct()).expect("addresses");
        let start = |at: usize| {
            let collector = Collector::new(program, folder, &format!("collector-{at}"), &[("TILLROLL_LOG", &urls), PROJECT]);
            collector.start().and_then(|()| collector.wait_until_ready()).expect("a collector");
            collector
        };
        let collectors = (0..COLLECTORS).map(start).collect();
        let clients = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let publisher = clients.block_on(publisher(&urls));
        Self { collectors, publisher, clients, nats }
    }

    /// The group and the bare publisher take turns.
    fn compare_with_publisher(&self, events: u64, length: Duration, rounds: u64) {
        let addresses: Vec<_> = self.collectors.iter().map(address).collect();
        let load = Load { events, connections: CONNECTIONS, length, rate: None };
        let (mut bare, mut group) = (Vec::new(), Vec::new());
        let (mut spent, mut stored) = ([0.0; 2], 0.0);
        for _ in 0..rounds {
            self.settle();
            bare.push(self.clients.block_on(publish(&self.publisher, load)).rate * events as f64);
            let before = self.processor_seconds();
            let answered = load.on(&self.clients, &addresses);
            assert_eq!(answered.failed, 0, "a request failed");
            group.push(answered.rate * events as f64);
            stored += (answered.micros.len() as u64 * events) as f64;
            let after = self.processor_seconds();
            spent = std::array::from_fn(|at| spent[at] + after[at] - before[at]);
        }
        let [collectors, servers] = spent.map(|seconds| seconds * 1e6 / stored);
        let (bare, group) = (median(bare), median(group));
        println!(
            "{events:2} event(s) a request: bare publisher {bare:8.0} events/s, group {group:8.0} events/s, ratio {:.2}; processor time of the \
             collectors {collectors:.0} µs an event, of the servers {servers:.0} µs",
            group / bare
        );
        self.compare_latency(Load { rate: Some(group / events as f64 / 2.0), ..load }, rounds);
    }

    /// The group and the bare publisher take turns at the same rate.
    fn compare_latency(&self, load: Load, rounds: u64) {
        let addresses: Vec<_> = self.collectors.iter().map(address).collect();
        let (mut bare, mut group) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            self.settle();
            bare.push(p99_millis(self.clients.block_on(publish(&self.publisher, load))));
            let answered = load.on(&self.clients, &addresses);
            assert_eq!(answered.failed, 0, "a request failed");
            group.push(p99_millis(answered));
        }
        let (bare, group) = (median(bare), median(group));
        println!(
            "   at {:.0} requests/s: p99 of the bare publisher {bare:.1} ms, of the group {group:.1} ms, ratio {:.2}",
            load.rate.unwrap_or_default(),
            group / bare
        );
    }

    /// Waits until the analytics databases have all events.
    fn settle(&self) {
        let is_done = |collector: &Collector| collector.metric("tillroll_projection_lag_changes") == Some(0.0);
        until("the analytics databases have all events", || self.collectors.iter().all(is_done));
    }

    /// Returns the processor time that the collectors and the servers have used.
    fn processor_seconds(&self) -> [f64; 2] {
        let collectors = self.collectors.iter().map(|collector| &collector.process);
        let servers = self.nats.servers.iter().map(|server| &server.process);
        [collectors.map(processor_seconds).sum(), servers.map(processor_seconds).sum()]
    }

    /// Stops a node, stores events meanwhile, and measures how fast it applies them when it is back.
    fn compare_catch_up(&self, program: &Path, folder: &Path, length: Duration) {
        // The longer the load, the less the start of the node counts.
        let load = Load { events: 50, connections: CONNECTIONS, length: 3 * length, rate: None };
        let alone = Collector::new(program, folder, "alone", &[PROJECT]);
        alone.start().and_then(|()| alone.wait_until_ready()).expect("a collector");
        let embedded = load.on(&self.clients, &[address(&alone)]).rate * 50.0;
        alone.process.kill();
        let (away, others) = (&self.collectors[2], &self.collectors[..2]);
        away.process.kill();
        let made = load.on(&self.clients, &others.iter().map(address).collect::<Vec<_>>());
        let (rate, events) = (made.rate * 50.0, made.micros.len() as f64 * 50.0);
        let last = applied(&others[0]).expect("a metric");
        let watch = Stopwatch::start();
        away.start().expect("a collector");
        until("the node has caught up", || applied(away) >= Some(last));
        let seconds = watch.elapsed().as_secs_f64();
        let applied = events / seconds;
        println!(
            "{events:.0} events: made with {rate:.0} events/s, applied by a node that was away with {applied:.0} events/s ({:.1} times); one \
             collector without a group stores {embedded:.0} events/s, ratio {:.2}",
            applied / rate,
            applied / embedded
        );
    }
}

/// Returns the processor time that a process has used, where the system has `/proc`.
fn processor_seconds(process: &Process) -> f64 {
    let read = || {
        let file = format!("/proc/{}/stat", process.pid()?.as_raw_nonzero());
        let text = std::fs::read_to_string(file).ok()?;
        // The fields after the name: the 12th and 13th are ticks in the program and in the system.
        let fields = text.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
        Some(fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_A_SECOND)
    };
    read().unwrap_or_default()
}

fn address(collector: &Collector) -> SocketAddr {
    collector.address.trim_start_matches("http://").parse().expect("an address")
}

fn applied(collector: &Collector) -> Option<f64> {
    collector.metric("tillroll_log_applied_entry")
}

/// A client of the servers, and a stream like that of the group.
async fn publisher(urls: &str) -> Context {
    let servers: Vec<async_nats::ServerAddr> = urls.split(',').map(|url| url.parse().expect("an address")).collect();
    let context = jetstream::new(async_nats::connect(servers).await.expect("a connection"));
    let config =
        stream::Config { name: BARE.into(), subjects: vec![BARE.into()], num_replicas: 3, allow_direct: true, ..stream::Config::default() };
    context.create_stream(config).await.expect("a stream");
    context
}

/// Publishes requests as the load does that a group gets. A request is answered when the quorum has it.
async fn publish(context: &Context, load: Load) -> Answered {
    let watch = Stopwatch::start();
    let publish = |connection: u64| {
        let context = context.clone();
        async move {
            let (mut request, mut micros) = (Request::new(load.events), Vec::new());
            while watch.elapsed() < load.length {
                let begin = begin(load.due(connection, micros.len()), watch).await;
                let message = request.fresh().to_vec().into();
                context.publish(BARE, message).await.expect("a message").await.expect("an acknowledgement");
                micros.push((watch.elapsed() - begin).as_micros() as u32);
            }
            micros
        }
    };
    let tasks: Vec<_> = (0..load.connections).map(|connection| tokio::spawn(publish(connection))).collect();
    let mut micros = Vec::new();
    for task in tasks {
        micros.append(&mut task.await.expect("a publisher"));
    }
    Answered { rate: micros.len() as f64 / watch.elapsed().as_secs_f64(), micros, failed: 0 }
}

fn p99_millis(mut answered: Answered) -> f64 {
    answered.micros.sort_unstable();
    f64::from(answered.micros[answered.micros.len() * 99 / 100]) / 1_000.0
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
