//! A collector that answers metrics queries, and the times of what is compared.

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use tillroll_collector::cancellation::Cancellation;
use tillroll_collector::cli::{Cli, Command};
use tillroll_collector::clock::{Clock, Stopwatch};
use tillroll_collector::http::server::{Options, Server};
use tillroll_collector::projection::duckdb::{DuckDbEngine, FILE};
use tillroll_collector::projection::source::Position;
use tillroll_collector::projection::sql::Statement;
use tokio::runtime::Runtime;

/// A response that takes longer is compared as it is; a faster one without the time of the request itself.
const SHORT: Duration = Duration::from_millis(5);
const REQUEST: Duration = Duration::from_millis(1);

/// A question: as a metrics query with its path, and as the SQL of the baseline.
pub(crate) struct Case {
    pub(crate) title: &'static str,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) sql: String,
}

/// A running collector, and an access token for it.
pub(crate) struct RunningServer {
    pub(crate) address: String,
    agent: ureq::Agent,
    token: String,
}

impl RunningServer {
    /// Starts a collector with the data in `folder`, and further flags.
    pub(crate) fn open(runtime: &Runtime, folder: &Path, flags: &[&str]) -> Self {
        let data = folder.to_str().expect("a path of text");
        let words = ["tillroll", "serve", "--listen", "127.0.0.1:0", "--data", data, "--project", "token:secret"];
        let Command::Serve(flags) = Cli::parse_from(words.iter().chain(flags)).command else {
            panic!("these are the flags of serve");
        };
        let server = runtime.block_on(Server::open(&flags, Options::default(), Clock::SYSTEM)).expect("a server");
        let address = server.address().expect("an address").to_string();
        runtime.spawn(server.run(std::future::pending()));
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let grant = [("grant_type", "client_credentials"), ("client_id", "token"), ("client_secret", "secret")];
        let grant: Vec<_> = grant.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut response = agent.post(format!("http://{address}/oauth/token")).send(grant.join("&")).expect("a token");
        let response: Value = serde_json::from_str(&response.body_mut().read_to_string().expect("a text")).expect("JSON");
        Self { address, agent, token: response["access_token"].as_str().expect("a token").to_owned() }
    }

    /// Sends the query of a case.
    pub(crate) fn query(&self, Case { path, body, .. }: &Case) {
        assert_eq!(self.post(path, body), 200, "{body}");
    }

    /// Returns the status of the response.
    fn post(&self, path: &str, body: &Value) -> u16 {
        let request = self.agent.post(format!("http://{}/metrics/{path}", self.address));
        let request = request.header("authorization", format!("Bearer {}", self.token)).header("accept", "application/vnd.api.v1+json");
        let mut response = request.header("content-type", "application/vnd.api+json").send(body.to_string()).expect("an response");
        drop(response.body_mut().read_to_string().expect("a text"));
        response.status().as_u16()
    }
}

/// Prints the minimum times of the query and of the baseline, and returns their ratio.
pub(crate) fn compare(title: &str, query_times: &[Duration], baseline_times: &[Duration]) -> f64 {
    let (query, baseline) = (minimum(query_times), minimum(baseline_times));
    let ratio = ratio(if query < SHORT { query.saturating_sub(REQUEST) } else { query }, baseline);
    println!("{title:<36} {:>8.1} ms {:>8.1} ms  {ratio:.2}", millis(query), millis(baseline));
    ratio
}

/// Prints the mean and the maximum of ratios.
pub(crate) fn print_mean(ratios: &[f64]) {
    let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
    println!("geometric mean {:.2}, maximum {:.2}\n", mean.exp(), ratios.iter().copied().fold(0.0, f64::max));
}

pub(crate) fn minimum(times: &[Duration]) -> Duration {
    times.iter().copied().min().unwrap_or_default()
}

pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let watch = Stopwatch::start();
    work();
    watch.elapsed()
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

pub(crate) fn ratio(numerator: Duration, denominator: Duration) -> f64 {
    numerator.as_secs_f64() / denominator.as_secs_f64()
}

/// Runs a statement of the baseline.
pub(crate) fn run(engine: &DuckDbEngine, sql: &str) {
    drop(engine.run(&[Statement { text: sql.into(), values: Vec::new() }], &Cancellation::default()).expect("rows"));
}

/// Opens a copy of a projection for the baseline: only one process or engine can open the file itself.
pub(crate) fn open_copy(folder: &Path, copy: &Path) -> DuckDbEngine {
    std::fs::copy(folder.join(FILE), copy.join(FILE)).expect("a copy of the projection");
    DuckDbEngine::open(copy, Position { change: i64::MAX, event: i64::MAX, trimmed: i64::MAX }).expect("the copy")
}
